/** What one endpoint's conversations and origin connections share: statements that drivers have prepared. */
import { asBytes, utf8OfLatin1 } from '../bytes/latin1.ts';
import type { CacheControl } from '../caching.ts';
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
import { catalogQuestionsOf } from './catalog-questions.ts';
import { MySqlConversation } from './conversation.ts';
import { MySqlOrigin } from './origin-session.ts';
import { OriginLoginMachine } from './origin-side.ts';
import { StatementRegistry } from './prepared.ts';
import { Question } from './question.ts';
import { readTextOf } from './read-text.ts';

/** Distinct statements that are shared; more only means that equal ones may be prepared twice. */
const REGISTRY_MAX = 5000;

export class MySqlEndpointSide implements EndpointSide {
  readonly testQuery = 'SELECT 1';
  /** The config's, in which a session begins. */
  #database: string | undefined;
  readonly catalog = catalogQuestionsOf(() => this.#database);
  readonly #registry = new StatementRegistry(REGISTRY_MAX);
  readonly #statementsMax: number;

  constructor(options: EndpointOptions) {
    this.#statementsMax = options.statementsMax;
  }

  loginToOrigin(options: LoginOptions): OriginLogin {
    const { database } = options;
    this.#database = database;
    return new OriginLoginMachine(
      options,
      (login) => new MySqlOrigin({ ...login, database, statementsMax: this.#statementsMax }),
    );
  }

  readTextOf(sql: string): { text: string; control: CacheControl } {
    const { text, control } = readTextOf(asBytes(sql));
    return { text: utf8OfLatin1(text), control };
  }

  openConversation(opening: DriverOpening, { peers, caching }: ConversationHooks = {}): Conversation {
    return new MySqlConversation({ opening, registry: this.#registry, peers, hooks: caching });
  }

  ask(origin: MySqlOrigin, words: string): OriginQuestion {
    return new Question(origin, words);
  }

  /** Servers say nothing unasked but why they close a connection. */
  receiveIdle(): boolean {
    return false;
  }

  cancel(origin: MySqlOrigin, login: LoginOptions): OriginLogin {
    return new CancelMachine(this.loginToOrigin({ ...login, dialect: '' }), origin.connectionId);
  }

  originChanged(): void {
    this.#registry.forgetAll();
  }
}
