/** The tables, empty. */
export const TABLES = `
create table companies (
  id text primary key,
  name text not null,
  pincode text not null,
  balance bigint not null default 0
);
create table users (
  id text primary key,
  name text not null,
  email text not null unique,
  role text not null,
  company_id text
);
create table role_permissions (
  role text not null,
  permission text not null,
  primary key (role, permission)
);
create table sessions (
  id text primary key,
  user_id text not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz
);
create table pincodes (
  pincode text primary key,
  city text not null,
  state text not null,
  area text not null
);
create table rate_cards (
  id text primary key,
  zone text not null,
  courier text not null,
  max_grams int not null,
  price int not null,
  cod_fee int not null,
  days int not null
);
create sequence order_numbers;
create table orders (
  id text primary key,
  company_id text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  customer text not null,
  phone text not null,
  origin text not null,
  destination text not null,
  zone text not null,
  weight_grams int not null,
  value int not null,
  payment_mode text not null,
  courier text not null,
  status text not null,
  price int not null,
  items jsonb not null default '[]',
  timeline jsonb not null
);
create table shipments (
  id text primary key,
  order_id text not null,
  company_id text not null,
  courier text not null,
  awb text not null,
  status text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create table wallet_transactions (
  id bigserial primary key,
  company_id text not null,
  at timestamptz not null,
  kind text not null,
  amount int not null,
  reference text not null
);
create table outbox (
  id uuid primary key default gen_random_uuid(),
  position bigserial,
  queue text not null,
  payload jsonb not null,
  due timestamptz not null default now()
);
create table job_runs (
  queue text not null,
  job_id text not null,
  attempts int not null default 1,
  primary key (queue, job_id)
);
create table job_effects (
  queue text not null,
  job_id text not null,
  at timestamptz not null default now()
);
`;

/** What is quicker to build once the rows are there. */
export const INDEXES = `
create index on rate_cards (zone, max_grams);
create index on orders (company_id, created_at desc);
create index on orders (company_id, status, created_at desc);
create index on shipments (company_id, created_at desc);
create index on wallet_transactions (company_id, at desc);
create index on outbox (due, position);
create index on job_effects (queue, job_id);
alter table shipments add unique (order_id);
alter table wallet_transactions add unique (kind, reference);
alter table users add foreign key (company_id) references companies;
alter table sessions add foreign key (user_id) references users;
alter table orders add foreign key (company_id) references companies;
alter table shipments add foreign key (order_id) references orders;
alter table wallet_transactions add foreign key (company_id) references companies;
analyze;
`;
