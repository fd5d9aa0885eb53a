/** Drivers for Python, as Debian packages them. */
import { runProgram } from './program.ts';

export const PYTHON = '/usr/bin/python3';

/** Module to package. False where they are missing and cannot be had. */
export async function installPython(packages: Record<string, string>): Promise<boolean> {
  if (await canImport(packages)) return true;
  if (process.getuid?.() === 0) {
    const install = { command: 'apt-get', args: ['install', '--yes', ...Object.values(packages)] };
    await runProgram({ ...install, env: { DEBIAN_FRONTEND: 'noninteractive' } }).catch(noAptGet);
  }
  const isThere = await canImport(packages);
  if (!isThere) console.warn(`DID NOT RUN: install ${Object.values(packages).join(' and ')} first.`);
  return isThere;
}

async function canImport(packages: Record<string, string>): Promise<boolean> {
  const imports = `import ${Object.keys(packages).join(', ')}`;
  const ended = await runProgram({ command: PYTHON, args: ['-c', imports] }).catch(() => undefined);
  return ended?.code === 0;
}

function noAptGet(): void {
  // Not Debian: the drivers stay missing, which is told.
}
