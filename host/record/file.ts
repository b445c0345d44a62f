// Recordings in files.

import type { Clock } from "../clock.js";
import { openSinkFile } from "../pcapng/file.js";
import { Recorder } from "./recorder.js";

export interface RecordingFile {
  readonly recorder: Recorder;
  /** Ends the recording and closes the file. The cores go on. */
  close(): void;
}

/**
 * Opens a file to record to; it is flushed once a second, so that it can be replayed after the process was killed.
 * Throws when it cannot be written to; when that happens later, `onError` hears of it once and the cores go on.
 */
export function openRecording(
  path: string,
  clock: Clock | undefined,
  onError: (error: Error) => void,
): RecordingFile {
  const file = openSinkFile(path);
  const recorder = new Recorder(file.sink, { ...(clock && { clock }), onError });
  file.keepFlushed(() => recorder.flush());
  return {
    recorder,
    close() {
      recorder.close();
      file.close();
    },
  };
}
