/** Entry of the panel's page. */

import './app';
