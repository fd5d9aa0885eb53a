/**
 * One TLS connection, as its client or its server: bytes in, bytes out, no I/O.
 *
 *   handshake -> nothing may be said yet; what must be sent stands in the outbox
 *   open      -> `say` and `receive`
 *   ended     -> the other side said goodbye, or something was wrong
 *
 * An alert is put into the outbox before an error is thrown: send the outbox in any case.
 */
import { Alert, PeerAlert, TlsError } from './alerts.ts';
import type { Channel, Established, Handshaking } from './handshake.ts';
import { nextSecret, protection13 } from './key-schedule.ts';
import { Handshake, message } from './messages.ts';
import {
  Cipher13,
  Content,
  checkedLength,
  PLAINTEXT_BYTES_MAX,
  type PlainRecord,
  type ProtectedRecord,
  plainRecord,
  type RecordCipher,
  RecordCutter,
} from './records.ts';
import { join, malformed, Reader, uint } from './wire.ts';

/** Of one handshake message: certificates are the longest. */
const MESSAGE_BYTES_MAX = 128 * 1024;

/** Records under one key: AES-GCM allows 2^24.5 (RFC 8446, section 5.5). 1.2 has no way to renew a key. */
const RECORDS_MAX_13 = 2 ** 23;
const RECORDS_MAX_12 = 2 ** 32;

/** Records in a row that say nothing to the reader: more is no conversation but work for us. */
const WORDLESS_RECORDS_MAX = 1000;

const HELLO_REQUEST = 0;
const LEVEL_FATAL = 2;
const LEVEL_WARNING = 1;
const KEY_UPDATE_REQUESTED = 1;

export class TlsConnection implements Channel {
  readonly transcript: Uint8Array[] = [];
  readonly #cutter = new RecordCutter();
  readonly #outbox: (Uint8Array | Promise<Uint8Array>)[] = [];
  readonly #handshake: Handshaking<Established>;
  #wanted: 'message' | 'changeCipherSpec' | undefined;
  #established: Established | undefined;
  #isEnded = false;
  #wordlessRecords = 0;
  #overlooksChangeCipherSpec = false;
  /** Once for all that asked: a reader that never listens must not be answered each time. */
  #isRenewalDue = false;
  #reading: RecordCipher | undefined;
  #writing: RecordCipher | undefined;
  /** Part of a handshake message. */
  #message: Uint8Array = new Uint8Array();

  /** `begin`: which side we are. */
  constructor(begin: (channel: Channel) => Handshaking<Established>) {
    this.#handshake = begin(this);
    this.#goOn(this.#handshake.next());
  }

  get isOpen(): boolean {
    return this.#established !== undefined && !this.#isEnded;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** DER; where the other side showed one. */
  get peerCertificate(): Uint8Array | undefined {
    return this.#established?.peerCertificate;
  }

  /** What must be sent now. What one call returns must be sent before what the next one returns. */
  async takeOutbox(): Promise<Uint8Array> {
    return join(await Promise.all(this.#outbox.splice(0)));
  }

  /** What the other side said, in clear. Throws where the connection must end. One call at a time. */
  async receive(bytes: Uint8Array): Promise<Uint8Array[]> {
    const said: Uint8Array[] = [];
    try {
      for (const record of this.#cutter.cut(bytes)) {
        if (this.#isEnded) break;
        const content = await this.#receiveRecord(record);
        this.#countWordless(content);
        if (content !== undefined && content.length > 0) said.push(content);
      }
    } catch (cause) {
      this.#isEnded = true;
      if (cause instanceof TlsError) this.#sendAlert(LEVEL_FATAL, cause.alert);
      throw cause;
    }
    return said;
  }

  /** Puts records that hold these bytes into the outbox; they must stay as they are until it is taken. */
  say(bytes: Uint8Array): void {
    if (this.#isRenewalDue) this.#renewKey();
    this.#writeAll(Content.applicationData, bytes);
  }

  /** Goodbye. */
  close(): void {
    if (!this.isOpen) return;
    this.#isEnded = true;
    this.#sendAlert(LEVEL_WARNING, Alert.closeNotify);
  }

  // --- Channel ------------------------------------------------------------------------------------------------

  send(bytes: Uint8Array): void {
    this.transcript.push(bytes);
    this.#writeAll(Content.handshake, bytes);
  }

  sendChangeCipherSpec(): void {
    this.#write({ type: Content.changeCipherSpec, content: Uint8Array.of(1) });
  }

  readWith(cipher: RecordCipher): void {
    if (this.#message.length > 0)
      throw new TlsError(Alert.unexpectedMessage, 'A message goes on where keys change.');
    this.#reading = cipher;
  }

  writeWith(cipher: RecordCipher): void {
    this.#writing = cipher;
  }

  overlookChangeCipherSpec(): void {
    this.#overlooksChangeCipherSpec = true;
  }

  // --- records ------------------------------------------------------------------------------------------------

  async #receiveRecord(record: ProtectedRecord): Promise<Uint8Array | undefined> {
    // In 1.3 it stands in clear between protected ones; in 1.2 it is what turns protection on.
    if (record.type === Content.changeCipherSpec) return this.#receiveChangeCipherSpec(record);
    const { type, content } = await this.#open(record);
    if (this.#message.length > 0 && type !== Content.handshake)
      throw new TlsError(Alert.unexpectedMessage, 'Something else stands inside of a message.');
    switch (type) {
      case Content.handshake:
        this.#receiveHandshake(content);
        return undefined;
      case Content.alert:
        this.#receiveAlert(content);
        return undefined;
      case Content.applicationData:
        if (!this.isOpen)
          throw new TlsError(Alert.unexpectedMessage, 'The other side speaks before TLS is up.');
        return content;
      default:
        throw new TlsError(Alert.unexpectedMessage, `A record has type ${type}.`);
    }
  }

  async #open(record: ProtectedRecord): Promise<PlainRecord> {
    const cipher = this.#reading;
    if (cipher === undefined) return { type: record.type, content: checkedLength(record.payload) };
    if (cipher.count >= RECORDS_MAX_12)
      throw new TlsError(Alert.unexpectedMessage, 'A key was used for too long.');
    if (cipher instanceof Cipher13 && record.type !== Content.applicationData)
      throw new TlsError(Alert.unexpectedMessage, 'The other side went back to speaking in clear.');
    return cipher.open(record);
  }

  #countWordless(content: Uint8Array | undefined): void {
    this.#wordlessRecords = content?.length ? 0 : this.#wordlessRecords + 1;
    if (this.#wordlessRecords > WORDLESS_RECORDS_MAX)
      throw new TlsError(Alert.unexpectedMessage, 'The other side sends records and says nothing.');
  }

  #receiveChangeCipherSpec({ payload }: ProtectedRecord): undefined {
    const isPlain = payload.length === 1 && payload[0] === 1 && this.#established === undefined;
    if (isPlain && this.#wanted === 'changeCipherSpec')
      return this.#goOn(this.#handshake.next({ type: 0, body: payload, whole: payload }));
    if (isPlain && this.#overlooksChangeCipherSpec) return undefined;
    throw new TlsError(Alert.unexpectedMessage, 'A change of ciphers comes out of order.');
  }

  #receiveAlert(content: Uint8Array): void {
    const [, description = 0] = content;
    if (content.length !== 2) throw malformed('an alert has the wrong length');
    this.#isEnded = true;
    if (description !== Alert.closeNotify) throw new PeerAlert(description);
  }

  #receiveHandshake(content: Uint8Array): void {
    if (content.length === 0) throw malformed('a record of messages is empty');
    this.#message = this.#message.length === 0 ? content.slice() : join([this.#message, content]);
    while (this.#message.length >= 4) {
      const reader = new Reader(this.#message);
      const [type, length] = [reader.number(1), reader.number(3)];
      if (length > MESSAGE_BYTES_MAX) throw malformed('a message is too long');
      if (this.#message.length < 4 + length) return;
      const whole = this.#message.subarray(0, 4 + length);
      this.#message = this.#message.subarray(4 + length);
      this.#receiveMessage(type, whole);
    }
  }

  #receiveMessage(type: number, whole: Uint8Array): void {
    const body = whole.subarray(4);
    if (this.#established !== undefined) this.#receiveLater(type, body, this.#established);
    else if (this.#wanted === 'message') this.#goOn(this.#handshake.next({ type, body, whole }));
    else throw new TlsError(Alert.unexpectedMessage, 'A message comes before the change of ciphers.');
  }

  #goOn(result: IteratorResult<'message' | 'changeCipherSpec', Established>): undefined {
    if (!result.done) {
      this.#wanted = result.value;
      return undefined;
    }
    this.#established = result.value;
    this.transcript.length = 0;
    return undefined;
  }

  /** Behind the handshake: tickets, which we do not use, and new keys. */
  #receiveLater(type: number, body: Uint8Array, { suite, secrets }: Established): void {
    if (secrets === undefined) {
      if (type !== HELLO_REQUEST)
        throw new TlsError(Alert.unexpectedMessage, `Message ${type} comes too late.`);
      return;
    }
    if (type === Handshake.newSessionTicket) return;
    if (type !== Handshake.keyUpdate)
      throw new TlsError(Alert.unexpectedMessage, `Message ${type} comes too late.`);
    const [request = -1] = body;
    if (body.length !== 1 || request > KEY_UPDATE_REQUESTED)
      throw new TlsError(Alert.illegalParameter, 'The other side renews its key in an unknown way.');
    secrets.reading = nextSecret(suite, secrets.reading);
    this.readWith(new Cipher13(protection13(suite, secrets.reading)));
    // It is due before we say something again (RFC 8446, section 4.6.3).
    if (request === KEY_UPDATE_REQUESTED) this.#isRenewalDue = true;
  }

  #renewKey(): void {
    this.#isRenewalDue = false;
    const { suite, secrets } = this.#established ?? {};
    if (suite === undefined || secrets === undefined) return;
    const record = { type: Content.handshake, content: message(Handshake.keyUpdate, uint(1, 0)) };
    this.#outbox.push(this.#writing?.seal(record) ?? plainRecord(record));
    secrets.writing = nextSecret(suite, secrets.writing);
    this.writeWith(new Cipher13(protection13(suite, secrets.writing)));
  }

  #writeAll(type: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PLAINTEXT_BYTES_MAX)
      this.#write({ type, content: bytes.subarray(at, at + PLAINTEXT_BYTES_MAX) });
  }

  #write(record: PlainRecord): void {
    const count = this.#writing?.count ?? 0;
    if (count >= RECORDS_MAX_13 && this.#established?.secrets !== undefined) this.#renewKey();
    if (count >= RECORDS_MAX_12) throw new TlsError(Alert.unexpectedMessage, 'A key was used for too long.');
    this.#outbox.push(this.#writing?.seal(record) ?? plainRecord(record));
  }

  #sendAlert(level: number, description: number): void {
    this.#write({ type: Content.alert, content: Uint8Array.of(level, description) });
  }
}
