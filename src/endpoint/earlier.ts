/**
 * Endpoints of earlier generations, at which drivers may still be: no cache here hears of what they write. So nothing
 * is cached here until they have left, for some minutes at most. A driver may also come to one late, because its edge
 * opens the link with its first query: then that endpoint says so before it serves it.
 */
import type { StoredConfig } from '../config/config-row.ts';
import { type EndpointPlace, placesOf } from '../config/placement.ts';
import { ConfigStore } from '../config/store.ts';
import type { Env } from '../env.ts';
import { type EndpointStub, endpointOf, readEndpointName } from './link.ts';

const ASKED_EACH_MS = 1_000;
/** Drivers of Workers leave within seconds. For others that stay nobody else's reads are made slow for ever. */
const WAITED_MAX_MS = 10 * 60_000;

/** An endpoint as a later one sees it. */
export interface EarlierState {
  /** It knows that new drivers go elsewhere, and will say so if one comes. */
  isLeft: boolean;
  drivers: number;
}

export interface EarlierEndpointsOptions {
  env: Env;
  /** Of this endpoint. */
  name: string;
  /** Drivers whose writes are unseen here have come or gone. */
  countUnwatched: (change: 1 | -1) => void;
}

export class EarlierEndpoints {
  readonly #options: EarlierEndpointsOptions;
  readonly #configId: string;
  readonly #generation: number;
  #places: readonly EndpointPlace[] = [];
  /** How often it was said that drivers are there, or may be. */
  #reports = 0;
  #isWaiting = false;

  constructor(options: EarlierEndpointsOptions) {
    const { configId, generation } = readEndpointName(options.name);
    this.#options = options;
    this.#configId = configId;
    this.#generation = generation;
  }

  /** This one is itself earlier than the one to which new drivers go. */
  isLeft({ placement }: StoredConfig): boolean {
    return this.#generation < placement.endpoint.generation;
  }

  /** As it is stored: the news of a move may have been lost. */
  async isLeftByNow(): Promise<boolean> {
    const config = await new ConfigStore(this.#options.env.DB).get(this.#configId);
    return config !== undefined && this.isLeft(config);
  }

  /** Drivers are at an earlier one, or may be. While this one is being warmed, new drivers still go there. */
  async report(config: StoredConfig): Promise<void> {
    const { placement } = config;
    if (this.isLeft(config)) return this.#at(placement.endpoint).reportEarlier();
    this.#places = placesOf(placement).filter(({ generation }) => generation < this.#generation);
    this.#reports += 1;
    if (this.#isWaiting || this.#places.length === 0) return;
    this.#isWaiting = true;
    this.#options.countUnwatched(1);
    void this.#wait();
  }

  async #wait(): Promise<void> {
    const until = Date.now() + WAITED_MAX_MS;
    // Not at once: a move may be about to be stored.
    do await new Promise((resolve) => setTimeout(resolve, ASKED_EACH_MS));
    while (!(await this.#areEmpty()) && Date.now() < until);
    this.#isWaiting = false;
    this.#options.countUnwatched(-1);
  }

  async #areEmpty(): Promise<boolean> {
    const reports = this.#reports;
    const empty = await Promise.all(this.#places.map((place) => this.#isEmpty(place)));
    // What was said meanwhile may be newer than an answer.
    return empty.every(Boolean) && reports === this.#reports;
  }

  /** Swallows errors: who does not answer may have drivers. */
  async #isEmpty(place: EndpointPlace): Promise<boolean> {
    try {
      const { isLeft, drivers } = await this.#at(place).staying();
      return isLeft && drivers === 0;
    } catch {
      return false;
    }
  }

  #at(place: EndpointPlace): EndpointStub {
    return endpointOf(this.#options.env.ENDPOINT, { configId: this.#configId, place });
  }
}
