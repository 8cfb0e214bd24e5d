// Progress lines, with the seconds since the start: a first run takes minutes, and silence looks like a hang.
const started = Date.now();

export const secondsSinceStart = () => (Date.now() - started) / 1000;

/** @param {string} text */
export function progress(text) {
  console.log(`[${secondsSinceStart().toFixed(0).padStart(4)} s] ${text}`);
}
