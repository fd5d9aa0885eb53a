/** The demo's result as text: a table, and bars to see it at a glance. */

const BAR_COLUMNS = 44;
/** Eighths of a column: a bar is as long as its number says. */
const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** One job, done in several ways. */
export interface DemoRow {
  job: string;
  ways: DemoWay[];
  /** The least that distance allows on a warm connection. */
  limitRoundTrips: number;
}

export interface DemoWay {
  name: string;
  medianMs: number;
  /** Counted by the delay proxy; the opening of a TCP connection is not in it. */
  roundTrips: number;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error('The median of nothing.');
  return (low + high) / 2;
}

export function renderTable(rows: readonly DemoRow[], rttMs: number): string {
  const names = rows[0]?.ways.map((way) => way.name) ?? [];
  const cells = [
    ['', ...names, 'limit'],
    ...rows.map((row) => [row.job, ...row.ways.map((way) => cellOf(way)), limitOf(row, rttMs)]),
  ];
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  return cells
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '))
    .map((line) => line.trimEnd())
    .join('\n');
}

export function renderBars(rows: readonly DemoRow[], rttMs: number): string {
  const longestMs = Math.max(...rows.flatMap((row) => row.ways.map((way) => way.medianMs)), 1);
  return rows
    .map((row) => {
      const bars = [
        ...row.ways.map((way) => ({ name: way.name, ms: way.medianMs })),
        { name: 'limit', ms: row.limitRoundTrips * rttMs },
      ];
      const width = Math.max(...bars.map((bar) => bar.name.length));
      const lines = bars.map(
        (bar) => `  ${bar.name.padEnd(width)}  ${barOf(bar.ms / longestMs)} ${formatMs(bar.ms)}`,
      );
      return [row.job, ...lines].join('\n');
    })
    .join('\n\n');
}

export function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function cellOf(way: DemoWay): string {
  return `${formatMs(way.medianMs)} (${countOf(way.roundTrips)})`;
}

function limitOf(row: DemoRow, rttMs: number): string {
  return `${formatMs(row.limitRoundTrips * rttMs)} (${countOf(row.limitRoundTrips)})`;
}

function countOf(roundTrips: number): string {
  return `${roundTrips} round trip${roundTrips === 1 ? '' : 's'}`;
}

function barOf(share: number): string {
  const eighths = Math.round(share * BAR_COLUMNS * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (BLOCKS[eighths % 8] ?? '');
}
