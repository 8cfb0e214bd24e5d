/** True where nothing should move by itself: the system says so, or VS Code's `workbench.reduceMotion`, which marks the page's body. */
export function prefersCalm(): boolean {
  return (
    window.matchMedia('(prefers-reduced-motion: reduce)').matches ||
    document.body.classList.contains('vscode-reduce-motion')
  );
}
