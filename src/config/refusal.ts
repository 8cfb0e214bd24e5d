/** A config from which something cannot be computed: what, and what to do. It names no file: who opened one adds that. */
export class ConfigRefusal extends Error {
  constructor(
    readonly problem: string,
    readonly fix: string,
    /** The setting whose maths is not known; null where something is missing or wrong. */
    readonly setting: string | null = null,
  ) {
    super(`${problem} ${fix}`);
    this.name = 'ConfigRefusal';
  }
}
