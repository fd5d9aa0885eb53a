/** What a running Warmpool says of itself: does it answer, does it know us, can it log in to each origin. */
import { type Api, ApiError, type Config, NoAnswerError } from './api.ts';
import type { Finding } from './doctor.ts';

const HTTP_UNAUTHORIZED = 401;

/** By the codes of the API; `<id>` becomes the config's. */
const MENDS: Record<number, string> = {
  2008: 'npx wrangler hyperdrive update <id> --origin-host=<host> --origin-port=<port>',
  2009: 'look the name up (dig), then: npx wrangler hyperdrive update <id> --origin-host=<host> --origin-port=<port>',
  2010: 'does the firewall of the database let this machine in?',
  2011: 'start the database, or: npx wrangler hyperdrive update <id> --origin-host=<host> --origin-port=<port>',
  2012: 'switch on TLS at the database, or mtls.sslmode "disable" in the config where the network is your own',
  2013: 'npx wrangler hyperdrive update <id> --origin-user=<user> --origin-password=<password>',
  2014: 'create the database, or: npx wrangler hyperdrive update <id> --database=<database>',
};
const MEND_OTHERWISE = 'see the message; after a change: npx warmpool doctor';

export async function checkService(api: Api): Promise<Finding[]> {
  const name = 'API';
  try {
    const configs = await api.listConfigs();
    const text = `${api.base} answers, ${configs.length} ${configs.length === 1 ? 'config' : 'configs'}`;
    const origins = await Promise.all(configs.map((config) => checkOrigin(api, config)));
    return [{ name, isGood: true, text }, ...origins];
  } catch (error) {
    if (error instanceof NoAnswerError) return [notRunning(api)];
    if (!(error instanceof ApiError)) throw error;
    return [{ name, isGood: false, text: error.message, mend: mendOf(error) }];
  }
}

/** Not running is no fault, unless somebody says where it ought to be. */
function notRunning(api: Api): Finding {
  const isGood = process.env.CLOUDFLARE_API_BASE_URL === undefined;
  const finding = { name: 'API', isGood, text: `nothing answers at ${api.base}` };
  return { ...finding, mend: 'start it with npm run dev, or correct CLOUDFLARE_API_BASE_URL' };
}

function mendOf(error: ApiError): string {
  if (error.status === HTTP_UNAUTHORIZED) return 'put an admin token into CLOUDFLARE_API_TOKEN';
  return 'do what the message says; on a deployment see its log with npx wrangler tail';
}

async function checkOrigin(api: Api, config: Config): Promise<Finding> {
  const { origin = {} } = config;
  const where =
    origin.host === undefined ? `service ${origin.service_id}` : withPort(origin.host, origin.port);
  const name = `Origin of ${config.name}`;
  const { reachable, code, message } = await api.checkOrigin(config.id);
  if (reachable) return { name, isGood: true, text: `${where} logs us in` };
  const mend = (MENDS[code ?? 0] ?? MEND_OTHERWISE).replace('<id>', config.id);
  return { name, isGood: false, text: `${where}: ${message} [code: ${code}]`, mend };
}

/** Of a tunnel the host is all there is to say. */
function withPort(host: string, port: number | undefined): string {
  return port === undefined ? host : `${host}:${port}`;
}
