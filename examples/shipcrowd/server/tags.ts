/** The texts of all tags, as the services invalidate them and as the browser's queries carry them. Shared with web/. */

export type Resource = 'orders' | 'shipments' | 'wallet' | 'analytics';

export const ZONES_TAG = 'ref:zones';
export const RATES_TAG = 'ref:rates';

/** One tag for all lists of a company. */
export const companyTag = (companyId: string, resource: Resource): string => `company:${companyId}:${resource}`;
export const roleTag = (role: string): string => `role:${role}`;
export const userTag = (userId: string): string => `user:${userId}`;

/** How the stream names the details of an order that were deleted: the repository's prefix and the key. */
export const orderTag = (companyId: string, orderId: string): string => `order-details:${companyId}:${orderId}`;

/** Whether the stream may show a tag to this user. */
export function isVisible(tag: string, user: { id: string; role: string; companyId: string | null }): boolean {
  if (tag.startsWith('ref:') || tag === roleTag(user.role) || tag === userTag(user.id)) return true;
  // People of Shipcrowd itself change roles, and see what others of them change.
  if (user.companyId === null) return tag.startsWith('role:') || tag.startsWith('user:');
  return tag.startsWith(`company:${user.companyId}:`) || tag.startsWith(`order-details:${user.companyId}:`);
}
