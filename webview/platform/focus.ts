/** Focus that comes back: a dialog of the editor, or another part of its window, takes it from the page, and the browser forgets where it was. */

/** From now on, whoever comes back to the page is where they left it. A page is loaded once: nothing is taken back. */
export function rememberFocus(page: Window): void {
  let last: HTMLElement | null = null;
  page.addEventListener('focusout', (event) => {
    if (event.relatedTarget !== null) return;
    // The way of the event shows what is in shadow roots.
    const [target] = event.composedPath();
    last = target instanceof HTMLElement ? target : null;
  });
  page.addEventListener('focus', (event) => {
    const { activeElement, body } = page.document;
    // What was pressed, or reached by Tab, has it already.
    if (event.target !== page || (activeElement !== null && activeElement !== body)) return;
    if (last?.isConnected === true) last.focus({ preventScroll: true });
  });
}
