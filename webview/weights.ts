/** Entry of the page of a weight file. */

import './weights/app';
