/** A config as its endpoint needs it: with the origin's secrets, which nobody else can open. */
import { type OriginSecrets, openSecrets } from '../config/origin-secrets.ts';
import { ConfigSecrets } from '../config/secrets.ts';
import { ConfigStore } from '../config/store.ts';
import type { Env } from '../env.ts';
import { PoolerError } from '../errors.ts';
import type { Protocol } from '../protocols/contract.ts';
import { protocolOfScheme } from '../protocols/registry.ts';

type StoredConfig = NonNullable<Awaited<ReturnType<ConfigStore['get']>>>;

export interface LoadedConfig {
  config: StoredConfig;
  protocol: Protocol;
  secrets: OriginSecrets;
}

/** Throws where the config has been deleted. */
export async function loadConfig(env: Env, configId: string): Promise<LoadedConfig> {
  const sealed = await new ConfigStore(env.DB).sealedOriginOf(configId);
  const protocol = sealed && protocolOfScheme(sealed.config.origin.scheme);
  if (!sealed || !protocol)
    throw new PoolerError('This config has been deleted.', {
      fault: 'driver',
      sqlState: '3D000',
      fatal: true,
    });
  const secrets = await openSecrets(new ConfigSecrets(env.CONFIG_KEY), sealed);
  return { config: sealed.config, protocol, secrets };
}
