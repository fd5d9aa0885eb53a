/** `warmpool doctor`: what is missing or in the way on this machine. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { apiFromEnv } from './api.ts';
import { DEV_FOLDER } from './dev.ts';
import { checkService } from './doctor-service.ts';
import { defaultPortOf } from './listeners.ts';
import { parsePort } from './options.ts';
import { PortInUseError, requireFreePort } from './ports.ts';
import { readConfigKey, secretsPath } from './warmpool-server.ts';
import { runWrangler, stateFolder } from './wrangler-dev.ts';

const CONFIG_KEY_BYTES = 32;
const NODE_MAJOR_MIN = 22;

export interface Finding {
  name: string;
  isGood: boolean;
  text: string;
  /** What to do about it. */
  mend?: string;
}

interface DoctorOptions {
  port: number;
  postgresPort: number;
  mysqlPort: number;
  json?: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check Node, ports, key, migrations, the API and every origin, and say how to mend each')
    .option('--port <port>', 'HTTP port', parsePort, 8787)
    .option('--postgres-port <port>', 'port for PostgreSQL drivers', parsePort, defaultPortOf('postgres'))
    .option('--mysql-port <port>', 'port for MySQL and MariaDB drivers', parsePort, defaultPortOf('mysql'))
    .option('--json', 'print an array of findings')
    .addHelpText(
      'after',
      '\nExit code 1 when something is wrong.\n\nExamples:\n  $ npx warmpool doctor\n' +
        '  $ CLOUDFLARE_API_BASE_URL=https://pool.example.com/client/v4 npx warmpool doctor --json',
    )
    .action(doctor);
}

async function doctor(options: DoctorOptions): Promise<void> {
  const findings = [
    checkNode(),
    await checkPort({ name: 'HTTP port', port: options.port, option: '--port' }),
    await checkPort({ name: 'Postgres port', port: options.postgresPort, option: '--postgres-port' }),
    await checkPort({ name: 'MySQL port', port: options.mysqlPort, option: '--mysql-port' }),
    await checkKey(),
    await checkMigrations(),
    ...(await checkService(apiFromEnv())),
  ];
  if (options.json) console.log(JSON.stringify(findings));
  else for (const finding of findings) print(finding);
  if (findings.some((finding) => !finding.isGood)) process.exitCode = 1;
}

function print({ name, isGood, text, mend }: Finding): void {
  console.log(`${isGood ? 'ok ' : 'BAD'}  ${name}: ${text}`);
  if (mend !== undefined) console.log(`     mend: ${mend}`);
}

function checkNode(): Finding {
  const finding = { name: 'Node', text: process.version };
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return { ...finding, isGood: true };
  return { ...finding, isGood: false, mend: `install Node ${NODE_MAJOR_MIN} or later, or: npm rebuild node` };
}

/** A port held by Warmpool itself is as good as a free one. */
async function checkPort(check: { name: string; port: number; option: string }): Promise<Finding> {
  try {
    await requireFreePort(check.port, check.option);
    return { name: check.name, isGood: true, text: `${check.port} is free` };
  } catch (error) {
    if (!(error instanceof PortInUseError)) throw error;
    if (error.message.includes('workerd')) {
      return { name: check.name, isGood: true, text: `${check.port} is served` };
    }
    const mend = `stop that program, or start with another port: npm run dev -- ${check.option} <port>`;
    return { name: check.name, isGood: false, text: `${check.port} is taken`, mend };
  }
}

async function checkKey(): Promise<Finding> {
  const key = await readConfigKey(DEV_FOLDER);
  const path = secretsPath(DEV_FOLDER);
  if (key === undefined) return { name: 'Key', isGood: true, text: 'none yet; npm run dev makes one' };
  if (Buffer.from(key, 'base64').length !== CONFIG_KEY_BYTES) {
    return {
      name: 'Key',
      isGood: false,
      text: `CONFIG_KEY in ${path} is not ${CONFIG_KEY_BYTES} bytes of base64`,
      mend: 'bring back the key from your backup; with a new one every config needs its password again',
    };
  }
  const isPrivate = ((await stat(path)).mode & 0o077) === 0;
  if (isPrivate) return { name: 'Key', isGood: true, text: path };
  return { name: 'Key', isGood: false, text: `others can read ${path}`, mend: `chmod 600 ${path}` };
}

async function checkMigrations(): Promise<Finding> {
  const name = 'Migrations';
  const files = await readdir(join(import.meta.dirname, '../../migrations'));
  const isStarted = existsSync(join(DEV_FOLDER, 'wrangler.json'));
  if (!isStarted) return { name, isGood: true, text: `${files.length}, applied by npm run dev` };
  const output = await runWrangler({
    args: [
      ...['d1', 'migrations', 'list', 'DB', '--local'],
      ...['--config', join(DEV_FOLDER, 'wrangler.json'), '--persist-to', stateFolder(DEV_FOLDER)],
    ],
    folder: DEV_FOLDER,
  });
  const missing = files.filter((file) => output.includes(file));
  if (missing.length === 0) return { name, isGood: true, text: `${files.length}, all applied` };
  const mend = 'restart npm run dev: it applies them';
  return { name, isGood: false, text: `not applied: ${missing.join(', ')}`, mend };
}
