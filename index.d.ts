/// <reference types="node" preserve="true" />
/** Types of index.js: the class `Redis` with everything else as its members. Each item is documented where it is declared, in dist/. */
import hawser = require('./dist/entry');
export = hawser;
