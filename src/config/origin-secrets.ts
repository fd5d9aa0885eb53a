/** What an origin is reached and logged in to with: in clear where it is tried and at its endpoint, else sealed. */
import type { ConfigSecrets, SecretPlace } from './secrets.ts';
import type { SealedOrigin } from './store.ts';

export interface OriginSecrets {
  password: string;
  /** Of the service token that opens its tunnel. */
  accessClientSecret?: string | undefined;
}

export async function openSecrets(secrets: ConfigSecrets, sealed: SealedOrigin): Promise<OriginSecrets> {
  const { config, passwordSealed, accessSecretSealed } = sealed;
  const password = await secrets.open(placeOf(config.id, 'password'), passwordSealed);
  if (accessSecretSealed === undefined) return { password };
  const place = placeOf(config.id, 'access_client_secret');
  return { password, accessClientSecret: await secrets.open(place, accessSecretSealed) };
}

export type SealedSecrets = Omit<SealedOrigin, 'config'>;

/** What is given, over what is kept: the same text sealed anew would be another one. */
export async function sealSecrets(
  secrets: ConfigSecrets,
  configId: string,
  { given, kept }: { given: Partial<OriginSecrets>; kept: SealedSecrets },
): Promise<SealedSecrets> {
  const seal = async (field: SecretField, text: string | undefined): Promise<string | undefined> =>
    text === undefined ? undefined : await secrets.seal(placeOf(configId, field), text);
  return {
    passwordSealed: (await seal('password', given.password)) ?? kept.passwordSealed,
    accessSecretSealed:
      (await seal('access_client_secret', given.accessClientSecret)) ?? kept.accessSecretSealed,
  };
}

type SecretField = 'password' | 'access_client_secret';

function placeOf(configId: string, field: SecretField): SecretPlace {
  return { configId, field };
}
