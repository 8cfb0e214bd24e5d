// The panel's page inside the workbench: a frame in a frame.
import { type Frame, type FrameLocator, type Locator, type Page } from 'playwright-core';

export class Panel {
  /** The page's own document. Playwright's CSS sees through its shadow roots. */
  readonly frame: FrameLocator;

  constructor(private readonly page: Page) {
    this.frame = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  }

  get view(): Locator {
    return this.frame.locator('headlight-app .view');
  }

  tab(name: string): Locator {
    return this.frame.getByRole('tab', { name });
  }

  /** Waits until a text stands in the view that is shown, for everybody to see. */
  async untilShows(text: string): Promise<void> {
    await this.view.getByText(text).filter({ visible: true }).first().waitFor({ timeout: 20_000 });
  }

  async show(tab: string): Promise<void> {
    await this.tab(tab).click();
    await this.frame.locator(`headlight-app [role="tab"][aria-selected="true"]`, { hasText: tab }).waitFor();
  }

  /** Folds the view below it in the side bar, which a spec before may have opened. */
  async takeTheSideBar(): Promise<void> {
    const below = this.page.locator('.part.sidebar .pane-header', { hasText: 'Model Configs' });
    if ((await below.getAttribute('aria-expanded')) === 'true') await below.click();
  }

  /** The frame, for what must run inside the page. */
  async document(): Promise<Frame> {
    await this.frame.locator('headlight-app').waitFor();
    for (const frame of this.page.frames()) {
      if (await frame.evaluate(() => document.querySelector('headlight-app') !== null).catch(() => false)) return frame;
    }
    throw new Error('The panel has no frame');
  }
}
