/** The certificate of the listeners, as the environment gives it. */
import { expect, test } from 'vitest';
import { listenerCertificate } from '../../src/edge/secure.ts';
import { CLIENT_CERTIFICATE, CLIENT_KEY, SERVER_CERTIFICATE, SERVER_KEY } from '../fakes/certificates.ts';

const certificateOf = (TLS_CERTIFICATE?: string, TLS_KEY?: string): ReturnType<typeof listenerCertificate> =>
  listenerCertificate({
    ...(TLS_CERTIFICATE === undefined ? {} : { TLS_CERTIFICATE }),
    ...(TLS_KEY === undefined ? {} : { TLS_KEY }),
  });

test('none is none, and a pair is read with its chain and what logins are bound to', () => {
  expect(certificateOf()).toBeUndefined();
  const read = certificateOf(SERVER_CERTIFICATE + CLIENT_CERTIFICATE, SERVER_KEY);
  expect(read?.chain).toHaveLength(2);
  expect(read?.endPoint).toHaveLength(32);
  expect(certificateOf(SERVER_CERTIFICATE + CLIENT_CERTIFICATE, SERVER_KEY)).toBe(read);
});

test.each([
  ['no key', SERVER_CERTIFICATE, undefined, 'belong together'],
  ['no certificate', undefined, SERVER_KEY, 'belong together'],
  ['the key of another', SERVER_CERTIFICATE, CLIENT_KEY, 'is not the key of'],
  ['no PEM', 'certificate', SERVER_KEY, 'has no certificate in PEM'],
  ['a damaged certificate', SERVER_CERTIFICATE.replace(/MII/, 'MIX'), SERVER_KEY, 'is damaged'],
  ['a damaged key', SERVER_CERTIFICATE, SERVER_KEY.replace(/MII?/, 'XXX'), 'is no private key'],
])('with %s nobody is let in', (_what, certificate, key, words) => {
  const refusal = { fault: 'pooler', sqlState: 'F0000', fatal: true };
  expect(() => certificateOf(certificate, key)).toThrow(expect.objectContaining(refusal));
  expect(() => certificateOf(certificate, key)).toThrow(words);
});
