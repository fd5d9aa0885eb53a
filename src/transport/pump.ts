/** From a stream of the runtime's into one of ours, in large pieces: `pipeTo` takes 4 KiB at a time there. */
import { ByteSource } from './byte-source.ts';

/** Ends, or rejects, when either side does; then both are given up. */
export async function pump(readable: ReadableStream, writable: WritableStream): Promise<void> {
  const source = new ByteSource(readable);
  const writer = writable.getWriter();
  try {
    for (;;) {
      const { value, done } = await source.read();
      if (done || !value) break;
      await writer.write(value);
      source.recycle(value);
    }
    await writer.close();
  } catch (cause) {
    await source.cancel();
    throw cause;
  }
}
