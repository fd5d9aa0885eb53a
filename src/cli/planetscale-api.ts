/**
 * PlanetScale's public API, as far as credentials go.
 * https://planetscale.com/docs/api/reference/create_role and create_password
 */
import * as v from 'valibot';

const Database = v.object({ kind: v.picklist(['postgresql', 'mysql']) });
const Login = v.object({
  id: v.string(),
  username: v.string(),
  /** Of a role. */
  inherited_roles: v.optional(v.array(v.string()), []),
});
const Logins = v.object({ data: v.array(Login) });
const NewRole = v.object({
  id: v.string(),
  access_host_url: v.string(),
  username: v.string(),
  password: v.string(),
  database_name: v.string(),
});
const NewPassword = v.object({
  id: v.string(),
  access_host_url: v.string(),
  username: v.string(),
  plain_text: v.string(),
});
const Failure = v.object({ message: v.string() });

const DEFAULT_BASE = 'https://api.planetscale.com/v1';
const LOGINS_PER_PAGE = 100;

export type DatabaseKind = v.InferOutput<typeof Database>['kind'];
export type Login = v.InferOutput<typeof Login>;

/** PostgreSQL branches have roles, MySQL branches have passwords. */
const LOGINS: Record<DatabaseKind, string> = { postgresql: 'roles', mysql: 'passwords' };

/** What a config's origin is made of, and what takes it back. */
export interface Credentials {
  id: string;
  host: string;
  user: string;
  password: string;
  database: string;
}

export interface Branch {
  organization: string;
  database: string;
  branch: string;
}

export function planetscaleFromEnv(branch: Branch, env: NodeJS.ProcessEnv = process.env): PlanetscaleApi {
  const { PLANETSCALE_SERVICE_TOKEN_ID: id, PLANETSCALE_SERVICE_TOKEN: token } = env;
  if (!id || !token) {
    throw new Error(
      'Set PLANETSCALE_SERVICE_TOKEN_ID and PLANETSCALE_SERVICE_TOKEN. Make a service token in the settings of ' +
        'your organization and let it read the database and create and delete passwords of the branch.',
    );
  }
  const base = env.PLANETSCALE_API_BASE_URL ?? DEFAULT_BASE;
  return new PlanetscaleApi({ base, authorization: `${id}:${token}`, branch });
}

export class PlanetscaleApi {
  readonly #base: string;
  readonly #authorization: string;
  readonly #database: string;
  readonly #branch: string;
  readonly #databaseName: string;

  constructor({ base, authorization, branch }: { base: string; authorization: string; branch: Branch }) {
    const [organization, database, name] = [branch.organization, branch.database, branch.branch].map(
      encodeURIComponent,
    );
    this.#base = base;
    this.#authorization = authorization;
    this.#database = `/organizations/${organization}/databases/${database}`;
    this.#branch = `${this.#database}/branches/${name}`;
    this.#databaseName = branch.database;
  }

  async kind(): Promise<DatabaseKind> {
    return v.parse(Database, await this.#request({ method: 'GET', path: this.#database })).kind;
  }

  async createRole(body: { name: string; inherited_roles: string[] }): Promise<Credentials> {
    const role = v.parse(
      NewRole,
      await this.#request({ method: 'POST', path: `${this.#branch}/roles`, body }),
    );
    const { id, access_host_url: host, username: user, password, database_name: database } = role;
    return { id, host, user, password, database };
  }

  async createPassword(name: string): Promise<Credentials> {
    const request = { method: 'POST', path: `${this.#branch}/passwords`, body: { name } };
    const created = v.parse(NewPassword, await this.#request(request));
    const { id, access_host_url: host, username: user, plain_text: password } = created;
    return { id, host, user, password, database: this.#databaseName };
  }

  async find(kind: DatabaseKind, username: string): Promise<Login | undefined> {
    const path = `${this.#branch}/${LOGINS[kind]}?per_page=${LOGINS_PER_PAGE}`;
    const { data } = v.parse(Logins, await this.#request({ method: 'GET', path }));
    return data.find((login) => login.username === username);
  }

  /** What a role owns becomes the successor's. */
  async delete(kind: DatabaseKind, id: string, successor?: string): Promise<void> {
    const hasSuccessor = kind === 'postgresql' && successor !== undefined;
    const query = hasSuccessor ? `?successor=${encodeURIComponent(successor)}` : '';
    await this.#request({ method: 'DELETE', path: `${this.#branch}/${LOGINS[kind]}/${id}${query}` });
  }

  async #request(request: { method: string; path: string; body?: unknown }): Promise<unknown> {
    const response = await this.#fetch(this.#base + request.path, {
      method: request.method,
      headers: { authorization: this.#authorization, 'content-type': 'application/json' },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const text = await response.text();
    const json = v.safeParse(v.pipe(v.string(), v.parseJson()), text);
    if (response.ok) return json.success ? json.output : undefined;
    const failure = v.safeParse(Failure, json.output);
    const words = failure.success ? failure.output.message : response.statusText;
    throw new Error(
      `PlanetScale refused ${request.method} ${request.path} (${response.status}): ${words}. ` +
        'Check the name of the branch and what the service token may do.',
    );
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (cause) {
      throw new Error(`No answer from PlanetScale at ${this.#base}.`, { cause });
    }
  }
}
