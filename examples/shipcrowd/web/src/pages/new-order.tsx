/** The form for an order, with what each courier would cost as soon as the lane is known. */
import { useDeferredValue, useState, type FormEvent } from 'react';
import { Link, useNavigate } from 'react-router';
import { useCreateOrder } from '../api/mutations';
import { useQuotes, type QuoteRequest } from '../api/queries';
import type { NewOrder as Data } from '../api/types';
import { exactMoney } from '../ui/format';
import { Icon } from '../ui/icons';
import { useNotice } from '../ui/notice';
import { Field, PageHead, Panel } from '../ui/parts';
import { Empty, Skeleton } from '../ui/states';

const EMPTY = { customer: '', phone: '', from: '', to: '', weight: '', value: '', paymentMode: 'prepaid' as 'prepaid' | 'cod' };
type Form = typeof EMPTY;

export function NewOrder() {
  const [form, setForm] = useState(EMPTY);
  const [tried, setTried] = useState(false);
  const create = useCreateOrder();
  const navigate = useNavigate();
  const notice = useNotice();
  const errors: Partial<Record<keyof Form, string>> = { ...(tried ? check(form) : {}), ...serverErrors(create.error?.fields) };
  const set = (name: keyof Form) => (event: { target: { value: string } }) => setForm({ ...form, [name]: event.target.value });
  const input = (name: keyof Form) => ({ id: name, name, value: form[name], onChange: set(name), 'aria-invalid': errors[name] !== undefined, 'aria-describedby': `${name}-note` });

  function submit(event: FormEvent): void {
    event.preventDefault();
    setTried(true);
    const [wrong] = Object.keys(check(form));
    if (wrong !== undefined) {
      document.getElementById(wrong)?.focus();
      return;
    }
    create.mutate(orderOf(form), {
      onSuccess: (order) => {
        notice(`Order ${order.id} is created.`);
        void navigate(`/orders/${order.id}`);
      },
    });
  }

  return (
    <>
      <Link to="/orders" className="back">
        <Icon name="back" size={16} />
        Orders
      </Link>
      <PageHead title="New order" />
      <div className="two-columns">
        <form className="panel form" onSubmit={submit} noValidate aria-label="New order">
          <fieldset>
            <legend>Consignee</legend>
            <Field id="customer" label="Customer" error={errors.customer}>
              <input {...input('customer')} autoComplete="off" />
            </Field>
            <Field id="phone" label="Phone (optional)" error={errors.phone}>
              <input {...input('phone')} type="tel" autoComplete="off" />
            </Field>
          </fieldset>
          <fieldset>
            <legend>Parcel</legend>
            <Field id="from" label="Pickup pincode" hint="Six digits" error={errors.from}>
              <input {...input('from')} inputMode="numeric" maxLength={6} />
            </Field>
            <Field id="to" label="Delivery pincode" hint="Six digits" error={errors.to}>
              <input {...input('to')} inputMode="numeric" maxLength={6} />
            </Field>
            <Field id="weight" label="Weight in grams" error={errors.weight}>
              <input {...input('weight')} inputMode="numeric" />
            </Field>
            <Field id="value" label="Value in rupees" error={errors.value}>
              <input {...input('value')} inputMode="numeric" />
            </Field>
            <Field id="paymentMode" label="Payment">
              <select {...input('paymentMode')}>
                <option value="prepaid">Prepaid</option>
                <option value="cod">Cash on delivery</option>
              </select>
            </Field>
          </fieldset>
          {create.error !== null && (
            <p role="alert" className="field-error">
              {create.error.message}
            </p>
          )}
          <div className="row end">
            <button className="button primary" disabled={create.isPending}>
              {create.isPaused ? 'Waiting for the network…' : create.isPending ? 'Creating…' : 'Create order'}
            </button>
          </div>
        </form>
        <QuotePanel request={{ from: form.from, to: form.to, weightGrams: Number(form.weight) || 0, paymentMode: form.paymentMode }} />
      </div>
    </>
  );
}

export function QuotePanel({ request }: { request: QuoteRequest }) {
  const quotes = useQuotes(useDeferredValue(request));
  return (
    <Panel title="Quotes" note={quotes.data === undefined ? undefined : `Zone ${quotes.data.zone}`}>
      {quotes.data !== undefined ? (
        <ol className="quotes">
          {[...quotes.data.quotes]
            .sort((a, b) => a.price - b.price)
            .map(({ courier, price, days }, i) => (
              <li key={courier} className={i === 0 ? 'best' : ''}>
                <span>
                  <strong>{courier}</strong>
                  <small>
                    {days} {days === 1 ? 'day' : 'days'}
                  </small>
                </span>
                <b>{exactMoney(price)}</b>
              </li>
            ))}
        </ol>
      ) : quotes.isLoading ? (
        <Skeleton lines={4} />
      ) : quotes.isError ? (
        <p role="alert" className="field-error">
          {quotes.error.message}
        </p>
      ) : (
        <Empty icon="rates" title="Prices of all couriers">
          They appear with both pincodes and the weight.
        </Empty>
      )}
    </Panel>
  );
}

function check(form: Form): Partial<Record<keyof Form, string>> {
  const wrong: Partial<Record<keyof Form, string>> = {};
  if (form.customer.trim() === '') wrong.customer = 'Who gets the parcel?';
  if (form.phone !== '' && !/^[+\d][\d\s-]{6,15}$/.test(form.phone)) wrong.phone = 'A phone number has 7 to 15 digits.';
  for (const name of ['from', 'to'] as const) if (!/^[1-9]\d{5}$/.test(form[name])) wrong[name] = 'A pincode has six digits.';
  if (!(Number(form.weight) > 0 && Number(form.weight) <= 10_000)) wrong.weight = 'A whole number of grams, up to 10,000.';
  if (!(Number(form.value) > 0)) wrong.value = 'What the contents are worth.';
  return wrong;
}

function serverErrors(fields: Record<string, string> = {}): Partial<Record<keyof Form, string>> {
  const { weightGrams, ...others } = fields;
  return { ...others, ...(weightGrams === undefined ? {} : { weight: weightGrams }) };
}

function orderOf({ customer, phone, from, to, weight, value, paymentMode }: Form): Data {
  return { customer: customer.trim(), ...(phone === '' ? {} : { phone }), from, to, weightGrams: Math.round(Number(weight)), value: Number(value), paymentMode };
}
