/** `warmpool place`: finds the place nearest to a config's origin, moves its endpoint there and shows the distances. */
import { Command } from 'commander';
import * as v from 'valibot';
import { apiFromEnv } from './api.ts';
import { formatMs } from './table.ts';

const COLUMN_GAP = '   ';

const Placement = v.object({
  hint: v.optional(v.string()),
  jurisdiction: v.optional(v.string()),
  endpoint_hint: v.optional(v.string()),
  chosen: v.optional(v.string()),
  measured_on: v.optional(v.string()),
  regions: v.optional(
    v.record(
      v.string(),
      v.object({
        connect_ms: v.optional(v.number()),
        query_ms: v.optional(v.number()),
        error: v.optional(v.string()),
      }),
    ),
  ),
});
const PlacedConfig = v.object({ placement: v.optional(Placement, {}) });

type Placement = v.InferOutput<typeof Placement>;

export function placeCommand(): Command {
  return new Command('place')
    .description('measure the origin from everywhere and move the endpoint to the nearest place')
    .argument('<config>', 'name or id of the config')
    .option('--json', 'print the placement as an object')
    .addHelpText(
      'after',
      `
Open connections stay where they are; new ones use the new place within 5 s. It also runs by itself when a config
is made and when its host changes. A place is fixed with placement.hint in the API.

Example:
  $ npx warmpool place mydb`,
    )
    .action(place);
}

/** What the API's answer to `place` says of where the endpoint is. */
export function readPlacement(config: unknown): Placement {
  return v.parse(PlacedConfig, config).placement;
}

function renderPlacement({ endpoint_hint: here, hint, regions = {} }: Placement): string {
  const rows = Object.entries(regions)
    .sort(([, a], [, b]) => (a.query_ms ?? Infinity) - (b.query_ms ?? Infinity))
    .map(([name, region]) => [
      name,
      region.query_ms === undefined ? '-' : formatMs(region.query_ms),
      region.connect_ms === undefined ? '-' : formatMs(region.connect_ms),
      [name === here ? 'endpoint' : '', name === hint ? '(pinned)' : '', region.error ?? '']
        .filter((part) => part !== '')
        .join(' '),
    ]);
  if (rows.length === 0) return 'There is one place only here, and nothing to choose.';
  const lines = [['region', 'query', 'connect', ''], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(COLUMN_GAP))
    .map((line) => line.trimEnd())
    .join('\n');
}

async function place(name: string, options: { json?: boolean }): Promise<void> {
  const api = apiFromEnv();
  const placement = readPlacement(await api.place(await api.findConfigId(name)));
  console.log(options.json ? JSON.stringify(placement) : renderPlacement(placement));
}
