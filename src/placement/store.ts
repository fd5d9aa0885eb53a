/** SQL on where endpoints are. A write that began on what is no longer so changes nothing. */

import type { StoredConfig } from '../config/config-row.ts';
import { jsonOfPinned } from '../config/config-row.ts';
import { ENDPOINTS_BEFORE_MAX, type EndpointPlace, type PlacementResult } from '../config/placement.ts';

export class PlacementStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** False: what was measured is no longer the config's origin, or the owner has pinned something else. */
  async saveResult(measured: StoredConfig, result: PlacementResult): Promise<boolean> {
    const { id, origin, placement } = measured;
    const { meta } = await this.#db
      .prepare(
        `UPDATE configs SET placement_result = ?5
         WHERE id = ?1 AND host = ?2 AND port = ?3 AND placement_pinned IS ?4`,
      )
      .bind(id, origin.host, origin.port, jsonOfPinned(placement.pinned), JSON.stringify(result))
      .run();
    return meta.changes > 0;
  }

  /** False: somebody else has moved it meanwhile. */
  async move({ config, to }: { config: StoredConfig; to: EndpointPlace }): Promise<boolean> {
    const { id, placement } = config;
    const before = [placement.endpoint, ...placement.before].slice(0, ENDPOINTS_BEFORE_MAX);
    const { meta } = await this.#db
      .prepare(
        `UPDATE configs SET endpoint_generation = ?3, endpoint_hint = ?4, endpoint_jurisdiction = ?5,
           endpoints_before = ?6
         WHERE id = ?1 AND endpoint_generation = ?2`,
      )
      .bind(
        id,
        placement.endpoint.generation,
        to.generation,
        to.hint ?? null,
        to.jurisdiction ?? null,
        JSON.stringify(before),
      )
      .run();
    return meta.changes > 0;
  }
}
