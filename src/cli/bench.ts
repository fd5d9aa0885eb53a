/** `npm run bench`: loaded only when called, because it needs tools that others do not. */
import { Command } from 'commander';

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure Warmpool beside a direct connection and PgBouncer')
    .argument('[args...]', "the benchmark's arguments")
    .allowUnknownOption()
    .passThroughOptions()
    .action(runBench);
}

async function runBench(args: string[]): Promise<void> {
  const path = '../../test/bench/main.ts';
  const bench = (await import(path)) as { main: (args: string[]) => Promise<void> };
  await bench.main(args);
}
