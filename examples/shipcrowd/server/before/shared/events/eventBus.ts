/** Events within this process. The migration leaves this file alone. */
import { EventEmitter } from 'node:events';

export const eventBus = new EventEmitter();
