/** What one endpoint's conversations and origin connections share: names of statements, settings known to work. */
import type {
  Conversation,
  ConversationHooks,
  EndpointOptions,
  EndpointSide,
  LoginOptions,
  OriginLogin,
  OriginQuestion,
} from '../contract.ts';
import type { DriverOpening } from '../driver-login.ts';
import { CancelMachine } from './cancel-machine.ts';
import { catalogQuestions } from './catalog-questions.ts';
import { AcceptedSettings, PostgresConversation } from './conversation.ts';
import { Backend } from './messages.ts';
import { PostgresOrigin } from './origin-session.ts';
import { OriginLoginMachine } from './origin-side.ts';
import { StatementRegistry } from './prepared.ts';
import { Question } from './question.ts';
import { readTextOf } from './read-text.ts';

/** Distinct statements whose names are shared; more only means that equal ones may get two names. */
const REGISTRY_MAX = 5000;

export class PostgresEndpointSide implements EndpointSide {
  /** What Hyperdrive sends: the server answers EmptyQueryResponse. */
  readonly testQuery = ';';
  readonly catalog = catalogQuestions;
  readonly readTextOf = readTextOf;
  readonly #registry = new StatementRegistry(REGISTRY_MAX);
  readonly #accepted = new AcceptedSettings();
  readonly #statementsMax: number;

  constructor(options: EndpointOptions) {
    this.#statementsMax = options.statementsMax;
  }

  loginToOrigin(options: LoginOptions): OriginLogin {
    return new OriginLoginMachine(
      options,
      (login) => new PostgresOrigin({ ...login, statementsMax: this.#statementsMax }),
    );
  }

  openConversation(opening: DriverOpening, { caching }: ConversationHooks = {}): Conversation {
    const options = { opening, registry: this.#registry, accepted: this.#accepted };
    return new PostgresConversation({ ...options, hooks: caching });
  }

  ask(origin: PostgresOrigin, sql: string): OriginQuestion {
    return new Question(origin, sql);
  }

  /** ParameterStatus after a reload, a notice: news. A FATAL, a piece of a message, anything else: not. */
  receiveIdle(origin: PostgresOrigin, bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (bytes.length - at < 5) return false;
      const end = at + 1 + view.getUint32(at + 1);
      if (end > bytes.length) return false;
      if (bytes[at] === Backend.ParameterStatus) {
        const [name = '', value = ''] = new TextDecoder().decode(bytes.subarray(at + 5, end)).split('\0');
        origin.report(name, value);
      } else if (bytes[at] !== Backend.NoticeResponse) return false;
      at = end;
    }
    return true;
  }

  originChanged(): void {
    this.#registry.forgetAll();
    this.#accepted.clear();
  }

  cancel(origin: PostgresOrigin, { tls }: LoginOptions): OriginLogin {
    return new CancelMachine({ cancelKey: origin.cancelKey, wantsTls: tls === 'require' });
  }
}
