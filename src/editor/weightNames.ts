/** Names of files that hold weights, or list those that do. */
export function isWeightFile(name: string): boolean {
  return /\.(?:safetensors|gguf)$|\.safetensors\.index\.json$/i.test(name);
}
