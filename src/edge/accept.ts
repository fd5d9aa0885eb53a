/** A driver connects: its login is answered here, without a round trip to the origin. */
import type { Login } from '../config/login.ts';
import { ConfigStore } from '../config/store.ts';
import { type EndpointAddress, endpointOf } from '../endpoint/link.ts';
import type { Env } from '../env.ts';
import { byShutdown, PoolerError } from '../errors.ts';
import type { OriginFacts, Protocol } from '../protocols/contract.ts';
import type { DriverHandshake, DriverOpening, DriverStep, Identity } from '../protocols/driver-login.ts';
import { protocolOfScheme } from '../protocols/registry.ts';
import { withDeadline } from '../transport/deadline.ts';
import { CachingSession } from './caching-session.ts';
import { findCommonFacts, findLogin } from './directory.ts';
import { isDraining, Stay } from './draining.ts';
import { DriverConnection } from './driver-connection.ts';
import { listenerOf } from './listener.ts';
import { linkOpener } from './open-link.ts';
import { relay } from './relay.ts';
import type { ListenerCertificate } from './secure.ts';
import { refusalOfSettings } from './settings-check.ts';

/** From the first byte to the end of the login. PostgreSQL's own authentication_timeout is 60 s. */
const LOGIN_MS = 15_000;

/** Whoever holds a bound capability may name any user: none is looked for. */
const NOBODY = '';

export interface Entrance {
  env: Env;
  protocol: Protocol;
  /** The runtime has taken TLS off. A bound capability never leaves the runtime, so nobody asks. */
  isEncrypted: boolean;
  /** The one config that a bound capability reaches; undefined on a listener, where the driver names one. */
  boundConfigId?: string;
}

type Accepted = Extract<DriverStep, { step: 'accepted' }> & { login: Login };

/** Serves one connection until it ends. */
export async function acceptDriver(socket: Socket, entrance: Entrance): Promise<void> {
  const connection = new DriverConnection(socket, entrance);
  try {
    const accepted = await admit(connection);
    if (accepted) await serve(connection, accepted);
  } catch (cause) {
    await connection.isHeard(entrance.protocol.farewell(PoolerError.from(cause)));
  } finally {
    connection.socket.close().catch(ignoreClosing);
  }
}

/** A bound capability: its config says which protocol the driver speaks; where there is none any more, the port does. */
export async function acceptBound(socket: Socket, env: Env, config: string): Promise<void> {
  // Where nobody can say, the driver hears why from the login itself, which asks again.
  const login = await findLogin(env.DB, { database: config, user: NOBODY }).catch(ignoreUnknown);
  const boundConfigId = login?.configId ?? config;
  const protocol = (login && protocolOfScheme(login.scheme)) ?? (await listenerOf(socket, env))?.protocol;
  if (protocol) await acceptDriver(socket, { env, protocol, boundConfigId, isEncrypted: false });
}

/** The driver is in, or has been told why not. */
async function admit(connection: DriverConnection): Promise<Accepted | undefined> {
  const { entrance, certificate } = connection;
  const handshake = entrance.protocol.acceptDriver({
    passwordNeeded: entrance.boundConfigId === undefined,
    offersTls: certificate !== undefined,
    tlsEndPoint: certificate?.endPoint,
    random: crypto.getRandomValues(new Uint8Array(64)),
    decoySecret: new TextEncoder().encode(entrance.env.CONFIG_KEY ?? ''),
  });
  try {
    return await withDeadline(logIn(connection, { handshake, certificate }), LOGIN_MS, loginTimeout);
  } catch (cause) {
    await connection.isHeard(handshake.refuse(PoolerError.from(cause)));
    return undefined;
  }
}

async function logIn(
  connection: DriverConnection,
  { handshake, certificate }: { handshake: DriverHandshake; certificate: ListenerCertificate | undefined },
): Promise<Accepted | undefined> {
  const { entrance } = connection;
  if (entrance.boundConfigId === undefined && isDraining()) throw byShutdown();
  let login: Login | undefined;
  let step: DriverStep | undefined = handshake.begin(await factsToGreetWith(entrance));
  for (;;) {
    if (step === undefined) return undefined;
    if (step.step === 'accepted' && login) {
      requireTls(connection, login);
      await checkSettings(entrance, login, step.opening);
    }
    if (step.step !== 'cancel' && !(await connection.isHeard(step.send))) return undefined;
    switch (step.step) {
      case 'read':
        step = await connection.next(handshake);
        break;
      case 'startTls':
        if (!certificate) throw new Error('TLS was not offered');
        await connection.secure(certificate, step);
        step = await connection.next(handshake);
        break;
      case 'identify':
        login = await lookUp(entrance, step);
        step = handshake.identified(login && (await identityOf(entrance, login)));
        break;
      case 'cancel':
        await cancel(entrance, step);
        return undefined;
      case 'close':
        return undefined;
      case 'accepted':
        return login && { ...step, login };
    }
  }
}

/** A server that speaks first knows its origin by the capability, or because all are alike. */
async function factsToGreetWith(entrance: Entrance): Promise<OriginFacts | undefined> {
  const { env, protocol, boundConfigId } = entrance;
  if (!protocol.serverSpeaksFirst) return undefined;
  if (boundConfigId === undefined) return findCommonFacts(env.DB, protocol.schemes);
  const login = await lookUp(entrance, { user: NOBODY, database: boundConfigId });
  return login && (await factsOf(entrance, login));
}

/** A config of another protocol is none. */
async function lookUp(
  { env, protocol, boundConfigId }: Entrance,
  asked: { user: string; database: string },
): Promise<Login | undefined> {
  const isBound = boundConfigId !== undefined;
  const login = await findLogin(env.DB, isBound ? { database: boundConfigId, user: NOBODY } : asked);
  return login && protocol.schemes.includes(login.scheme) ? login : undefined;
}

/** Where replies may be cached what the driver says must be looked at; else its bytes need no look. */
async function serve(
  { socket, source, isSecured, entrance }: DriverConnection,
  accepted: Accepted,
): Promise<void> {
  const { env, protocol } = entrance;
  const { login, opening: driver, rest } = accepted;
  const endpoint = endpointOf(env.ENDPOINT, addressOf(login));
  const opening = { protocol: protocol.name, configVersion: login.version, driver };
  const stay = new Stay({
    source,
    endpoint,
    cancelKey: driver.cancelKey,
    openLink: linkOpener({ endpoint, configId: login.configId, opening }),
    isBound: entrance.boundConfigId !== undefined,
  });
  try {
    if (login.caching.disabled) return await relay({ socket, source, isSecured, rest, stay });
    const session = new CachingSession({
      socket,
      source,
      place: login,
      lookUp: () => lookUp(entrance, { database: login.configId, user: driver.user }),
      endpoint,
      protocol,
      driver,
      stay,
    });
    await session.run(rest);
  } finally {
    stay.over();
  }
}

/** Where new drivers of the config go. */
function addressOf({ configId, endpoint }: Login): EndpointAddress {
  return { configId, place: endpoint };
}

async function factsOf({ env }: Entrance, login: Login): Promise<OriginFacts> {
  return login.facts ?? (await endpointOf(env.ENDPOINT, addressOf(login)).facts(login.version));
}

async function identityOf(entrance: Entrance, login: Login): Promise<Identity> {
  const { cancelRoute, database, verifier } = login;
  const facts = await factsOf(entrance, login);
  return { facts, database, cancelRoute, ...(verifier === undefined ? {} : { verifier }) };
}

/** Only who has proved that the config is theirs hears what it demands. Nothing secret has been said in clear by then. */
function requireTls({ isEncrypted, entrance }: DriverConnection, { requiresTls }: Login): void {
  if (!requiresTls || isEncrypted || entrance.boundConfigId !== undefined) return;
  throw new PoolerError('Connections using insecure transport are prohibited: this config demands TLS.', {
    fault: 'driver',
    sqlState: '28000',
    errno: 3159, // ER_SECURE_TRANSPORT_REQUIRED
    fatal: true,
    hint: 'Connect with TLS (sslmode=require, ssl-mode=REQUIRED), or by a binding.',
  });
}

/** Throws what the origin says of a setting that it does not take. */
async function checkSettings(entrance: Entrance, login: Login, driver: DriverOpening): Promise<void> {
  const { env, protocol } = entrance;
  const opening = { protocol: protocol.name, configVersion: login.version, driver };
  const refusal = await refusalOfSettings(env, { protocol, address: addressOf(login), opening });
  if (refusal) throw new PoolerError(refusal.message, { ...refusal, fault: 'driver', fatal: true });
}

/**
 * The key says which configs it may belong to, of which a bound capability reaches its own only. A driver may still
 * be at an earlier endpoint.
 */
async function cancel(
  { env, boundConfigId }: Entrance,
  step: { key: Uint8Array; cancelRoute: number },
): Promise<void> {
  const candidates = await new ConfigStore(env.DB).findByCancelRoute(step.cancelRoute);
  const reachable = candidates.filter(
    ({ configId }) => boundConfigId === undefined || configId === boundConfigId,
  );
  const addresses = reachable.flatMap(({ configId, places }) => places.map((place) => ({ configId, place })));
  const key = hexOf(step.key);
  await Promise.all(addresses.map((address) => endpointOf(env.ENDPOINT, address).cancel(key)));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function loginTimeout(): PoolerError {
  return new PoolerError('canceling authentication due to timeout', {
    fault: 'driver',
    sqlState: '57014',
    fatal: true,
    hint: `A login must be complete within ${LOGIN_MS} ms.`,
  });
}

function ignoreUnknown(): undefined {
  return undefined;
}

function ignoreClosing(): void {
  // One side has left; the other side's end is all there is to do.
}
