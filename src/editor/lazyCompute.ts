/** Who speaks to the compute process: made at the first command that needs it. */

import type { ComputeHost } from './computeHost';
import { Owner } from './lifecycle';

export class LazyCompute extends Owner {
  private loading: Promise<ComputeHost> | null = null;
  private host: ComputeHost | null = null;

  constructor(private readonly create: () => Promise<ComputeHost>) {
    super();
  }

  /** Process id of the compute process while it runs. */
  get pid(): number | undefined {
    return this.host?.pid;
  }

  get(): Promise<ComputeHost> {
    return (this.loading ??= this.create().then((host) => (this.host = this.own(host))));
  }
}
