// The values of the bench: orders as a backend caches them.

/** An order as a backend caches it: about 700 bytes of JSON, half of it short texts. */
export function orderOf(n) {
  return {
    id: `order-${100_000 + n}`,
    company: `company-${n % 20}`,
    status: ['new', 'packed', 'shipped', 'delivered'][n % 4],
    createdAt: new Date(1.7e12 + n * 60_000).toISOString(),
    total: 1999 + n / 100,
    currency: 'EUR',
    isPaid: n % 3 !== 0,
    note: n % 5 === 0 ? 'leave it with the neighbours, second floor, please ring twice' : null,
    customer: { id: n * 7, name: 'Wilhelmina van der Berg', email: `wilhelmina.${n}@shop.example`, phone: '+49 30 123456' },
    address: { street: 'Lange Strasse 112', city: 'Berlin', zip: String(10_115 + (n % 900)), country: 'DE' },
    items: Array.from({ length: 3 }, (_, item) => ({ sku: `SKU-${n}-${item}`, title: 'Rope, hemp, 12 mm', quantity: item + 1, price: 649.5 })),
  };
}

/** Its tags, at most `count`. */
export function tagsOf(n, count) {
  return [`company-${n % 20}:orders`, `status-${n % 4}`, 'orders'].slice(0, count);
}
