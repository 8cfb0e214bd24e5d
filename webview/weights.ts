/** Entry of the page of a weight file. */

import './weights/app';
import { rememberFocus } from './platform/focus';

rememberFocus(window);
