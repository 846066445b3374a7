import { EventEmitter } from 'node:events';
import { cache } from '@/infrastructure';

export const events = new EventEmitter();
events.on('order.created', (company: string) => void cache.invalidatePattern(`orders:${company}:*`));
