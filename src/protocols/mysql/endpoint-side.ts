/** What one endpoint's conversations and origin connections share: statements that drivers have prepared. */
import type { CacheControl } from '../caching.ts';
import type {
  Conversation,
  ConversationHooks,
  DriverOpening,
  EndpointOptions,
  EndpointSide,
  LoginOptions,
  OriginLogin,
  OriginQuestion,
} from '../contract.ts';
import { CancelMachine } from './cancel-machine.ts';
import { catalogQuestions } from './catalog-questions.ts';
import { MySqlConversation } from './conversation.ts';
import { MySqlOrigin } from './origin-session.ts';
import { OriginLoginMachine } from './origin-side.ts';
import { StatementRegistry } from './prepared.ts';
import { Question } from './question.ts';

/** Distinct statements that are shared; more only means that equal ones may be prepared twice. */
const REGISTRY_MAX = 5000;

export class MySqlEndpointSide implements EndpointSide {
  readonly testQuery = 'SELECT 1';
  readonly catalog = catalogQuestions;
  readonly #registry = new StatementRegistry(REGISTRY_MAX);
  readonly #statementsMax: number;

  constructor(options: EndpointOptions) {
    this.#statementsMax = options.statementsMax;
  }

  loginToOrigin(options: LoginOptions): OriginLogin {
    const { database } = options;
    return new OriginLoginMachine(
      options,
      (login) => new MySqlOrigin({ ...login, database, statementsMax: this.#statementsMax }),
    );
  }

  readTextOf(sql: string): { text: string; control: CacheControl } {
    return { text: sql, control: {} };
  }

  openConversation(opening: DriverOpening, { peers }: ConversationHooks = {}): Conversation {
    return new MySqlConversation({ opening, registry: this.#registry, peers });
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
