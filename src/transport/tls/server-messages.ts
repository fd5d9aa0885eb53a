/** The handshake messages of a server of TLS 1.3, in the words of RFC 8446, section 4. */
import { Alert, TlsError } from './alerts.ts';
import { Extension, Handshake, message, RETRY_RANDOM, readNumbers, TLS_1_2, TLS_1_3 } from './messages.ts';
import { extension, Reader, readExtensions, uint, vector } from './wire.ts';

const SESSION_BYTES_MAX = 32;

export interface ClientHello {
  /** Named again in each ServerHello, and nothing else. */
  session: Uint8Array;
  suites: number[];
  groups: number[];
  /** Group to key. */
  shares: Map<number, Uint8Array>;
  schemes: number[];
  /** By ALPN (RFC 7301). Undefined: it says nothing of it. */
  protocols: string[] | undefined;
}

/** Throws where it is not one of TLS 1.3. */
export function readClientHello(body: Uint8Array): ClientHello {
  const reader = new Reader(body);
  reader.take(2 + 32); // An old version, and its random.
  const session = reader.vector(1);
  const suites = readNumbers(reader.vector(2));
  const compressions = reader.vector(1);
  // Before 1.3 there need not be any.
  const extensions = reader.isAtEnd ? new Map<number, Uint8Array>() : readExtensions(reader.vector(2));
  reader.end();
  const versions = extensions.get(Extension.supportedVersions);
  if (versions === undefined || !readNumbers(listIn(versions, 1)).includes(TLS_1_3))
    throw new TlsError(Alert.protocolVersion, 'The driver does not know TLS 1.3.');
  if (session.length > SESSION_BYTES_MAX || compressions.length !== 1 || compressions[0] !== 0)
    throw new TlsError(Alert.illegalParameter, 'The hello is not one of TLS 1.3.');
  const needed = (type: number): Uint8Array => {
    const content = extensions.get(type);
    if (content === undefined) throw new TlsError(Alert.missingExtension, `Extension ${type} is missing.`);
    return content;
  };
  const protocols = extensions.get(Extension.applicationProtocols);
  return {
    session,
    suites,
    groups: readNumbers(listIn(needed(Extension.supportedGroups), 2)),
    shares: readShares(listIn(needed(Extension.keyShare), 2)),
    schemes: readNumbers(listIn(needed(Extension.signatureAlgorithms), 2)),
    protocols: protocols && readNames(listIn(protocols, 2)),
  };
}

/** A vector that is all of an extension. */
function listIn(content: Uint8Array, lengthBytes: 1 | 2): Uint8Array {
  const reader = new Reader(content);
  const list = reader.vector(lengthBytes);
  reader.end();
  return list;
}

function readShares(list: Uint8Array): Map<number, Uint8Array> {
  const reader = new Reader(list);
  const shares = new Map<number, Uint8Array>();
  while (!reader.isAtEnd) {
    const group = reader.number(2);
    if (shares.has(group)) throw new TlsError(Alert.illegalParameter, 'A curve has two keys.');
    shares.set(group, reader.vector(2));
  }
  return shares;
}

function readNames(list: Uint8Array): string[] {
  const reader = new Reader(list);
  const names: string[] = [];
  while (!reader.isAtEnd) names.push(Buffer.from(reader.vector(1)).toString('latin1'));
  return names;
}

export interface ServerHello {
  random: Uint8Array;
  session: Uint8Array;
  suite: number;
  keyShare: { group: number; publicKey: Uint8Array };
}

export function encodeServerHello({ random, session, suite, keyShare }: ServerHello): Uint8Array {
  const { group, publicKey } = keyShare;
  const share = extension(Extension.keyShare, uint(2, group), vector(2, publicKey));
  return hello({ random, session, suite }, share);
}

/** Asks for a second hello with a key for this group. */
export function encodeHelloRetryRequest(asked: {
  session: Uint8Array;
  suite: number;
  group: number;
}): Uint8Array {
  const random = Buffer.from(RETRY_RANDOM, 'hex');
  return hello({ ...asked, random }, extension(Extension.keyShare, uint(2, asked.group)));
}

function hello(
  { random, session, suite }: Pick<ServerHello, 'random' | 'session' | 'suite'>,
  keyShare: Uint8Array,
): Uint8Array {
  const version = extension(Extension.supportedVersions, uint(2, TLS_1_3));
  return message(
    Handshake.serverHello,
    uint(2, TLS_1_2),
    random,
    vector(1, session),
    uint(2, suite),
    uint(1, 0), // No compression.
    vector(2, version, keyShare),
  );
}

/** `protocol`: what was chosen by ALPN. */
export function encodeEncryptedExtensions(protocol: string | undefined): Uint8Array {
  if (protocol === undefined) return message(Handshake.encryptedExtensions, vector(2));
  const name = vector(1, Buffer.from(protocol, 'latin1'));
  return message(
    Handshake.encryptedExtensions,
    vector(2, extension(Extension.applicationProtocols, vector(2, name))),
  );
}
