/** The file beside a config that TensorRT Model Optimizer writes: how the weights, and perhaps the KV cache, are quantised. */

export const QUANT_FILE = 'hf_quant_config.json';
