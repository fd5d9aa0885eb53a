/** What the edge hears of a conversation between the messages for its driver, and what it has heard already. */
import type { CacheHooks, CacheStatus, WriteNews } from '../caching.ts';
import { recordOf } from './judging.ts';
import { type EndpointNote, encodeNote } from './link-notes.ts';
import type { Settings } from './settings.ts';

const DEBUG = 'warmpool.debug';

/** Nothing is owed and no transaction is open. */
export interface Rest {
  /** Undefined: they are not known, or the session has more that matters. */
  settings: Settings | undefined;
  /** The origin need not be asked what they are. */
  isSettled: boolean;
}

export class EndpointNotes {
  readonly #hooks: CacheHooks;
  /** Queries, FunctionCalls and Syncs that came from the driver. */
  taken = 0;
  /** Key of the settings that the edge was last told. Undefined: that they are not known. */
  #told: string | undefined;
  /** The driver wants to hear what became of its queries. */
  #isWatched: boolean;
  /** The driver's prepared statements are gone, and the edge has not heard of it. */
  isDropped = false;
  /** The same of single ones. */
  readonly droppedNames = new Set<string>();
  readonly #news: WriteNews[] = [];

  constructor(options: { hooks: CacheHooks; settings: Settings }) {
    this.#hooks = options.hooks;
    this.#told = options.settings.key;
    this.#isWatched = options.settings.values.has(DEBUG);
  }

  /** In front of a ReadyForQuery. `rest`: how the session is behind it, if it is at rest. */
  beforeReady(status: CacheStatus, rest: Rest | undefined): Uint8Array | undefined {
    if (!this.#hooks.isEdgeListening) return undefined;
    const note = this.#takeDropped();
    // Who looks on hears of each exchange, also in the middle of a pipeline or a transaction.
    if (!rest && this.#isWatched) return encodeNote({ ...note, status });
    if (!rest) return note.dropped ? encodeNote(note) : undefined;
    const news = this.#hooks.news();
    return encodeNote({
      ...note,
      taken: this.taken,
      at: this.#hooks.now(),
      status,
      ...this.#settingsToTell(rest.settings),
      ...(news ? { news } : {}),
    });
  }

  #takeDropped(): Pick<EndpointNote, 'dropped'> {
    const dropped = this.isDropped || [...this.droppedNames];
    this.isDropped = false;
    this.droppedNames.clear();
    return dropped === true || dropped.length > 0 ? { dropped } : {};
  }

  /** Once it is known what the settings are. */
  settled(settings: Settings | undefined): Uint8Array | undefined {
    if (!this.#hooks.isEdgeListening) return undefined;
    const note = this.#settingsToTell(settings);
    return note.settings === undefined ? undefined : encodeNote(note);
  }

  #settingsToTell(settings: Settings | undefined): Pick<EndpointNote, 'settings'> {
    if (settings?.key === this.#told) return {};
    this.#told = settings?.key;
    this.#isWatched = settings?.values.has(DEBUG) === true;
    return { settings: settings ? { ...recordOf(settings) } : null };
  }

  // --- news, which come in the middle of whatever is under way ----------------------------------------------

  add(news: WriteNews): void {
    if (this.#hooks.isEdgeListening) this.#news.push(news);
  }

  get hasNews(): boolean {
    return this.#news.length > 0;
  }

  takeNews(): Uint8Array[] {
    return this.#news.splice(0).map((news) => encodeNote({ news }));
  }
}
