/** Which config the panel followed last. A window that is reloaded finds it again, whether or not its document is open. */

import { type Memento, Uri } from 'vscode';
import type { Target } from './targets';

const MEMORY = 'panel.followed';
/** Before the rest of the address of what lies in the extension: its folder has another name after an update. */
const INSIDE = 'extension:';

interface Kept {
  readonly uri: string;
  readonly name: string;
  readonly active: string | null;
}

export interface LastFollowed {
  readonly uri: Uri;
  readonly name: string;
  /** The document that was active beside it: when that is active again, nothing else was chosen. */
  readonly active: string | null;
}

export class FollowedMemory {
  private kept: string | undefined;
  private readonly inside: string;

  constructor(
    private readonly state: Memento,
    extension: Uri,
  ) {
    this.inside = `${extension.toString()}/`;
  }

  last(): LastFollowed | null {
    const kept = this.state.get<Partial<Kept>>(MEMORY);
    if (typeof kept?.uri !== 'string' || typeof kept.name !== 'string') return null;
    const { uri, name, active = null } = kept;
    return { uri: Uri.parse(uri.startsWith(INSIDE) ? this.inside + uri.slice(INSIDE.length) : uri), name, active };
  }

  keep({ uri, name }: Target, active: string | null): void {
    const text = uri.toString();
    const kept: Kept = {
      uri: text.startsWith(this.inside) ? INSIDE + text.slice(this.inside.length) : text,
      name,
      active,
    };
    const now = JSON.stringify(kept);
    if (now === this.kept) return;
    this.kept = now;
    void this.state.update(MEMORY, kept);
  }
}
