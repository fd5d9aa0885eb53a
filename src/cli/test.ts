/** `npm test`: vitest on all of it; what follows `--` is vitest's. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';

export function testCommand(): Command {
  return new Command('test')
    .description('run the tests, on servers that they start themselves')
    .argument('[args...]', "vitest's arguments, such as a file name")
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText('after', '\nExample:\n  $ npm test -- cli -t "delay proxy"')
    .action(runVitest);
}

async function runVitest(args: string[]): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--config', 'test/vitest.config.ts', ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  process.on('exit', () => child.kill());
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
