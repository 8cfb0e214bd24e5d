/** What opens models of the Hub, as one bundle: the caller is the editor. */

export { createComputeHost } from '../../../../src/editor/computeHost';
export { createModels } from '../../../../src/editor/models/models';
