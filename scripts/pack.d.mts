/** Makes the library in `folder`. Throws with the reason when it cannot. */
export function packLibrary(folder: string): void;
/** Packs the library's folder as a .zip in `dist`, and the npm package. Returns both paths. */
export function packArchives(folder: string, dist: string): { zip: string; npm: string };
