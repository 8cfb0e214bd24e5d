/** What opens models of the Hub in the browser, as one bundle: the caller is the editor. */

export { createModels } from '../../../../src/editor/models/webModels';
