/** Entry of the panel's page. */

import './app';
import { rememberFocus } from './platform/focus';

rememberFocus(window);
