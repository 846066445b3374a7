/** Reference data: what couriers charge by zone and weight, and which zone a pincode belongs to. A change reaches every cache and browser. */
import { useState, type FormEvent } from 'react';
import { usePincodeZone, useRateCardPrice } from '../api/mutations';
import { useRateCards } from '../api/queries';
import { AREAS } from '../../../server/types';
import type { Area, RateCard } from '../api/types';
import { count, exactMoney, weight, words } from '../ui/format';
import { useNotice } from '../ui/notice';
import { Field, PageHead, Panel } from '../ui/parts';
import { Loaded } from '../ui/states';
import { QuotePanel } from './new-order';

export function Rates() {
  const cards = useRateCards();
  return (
    <>
      <PageHead title="Rate cards" note={cards.data === undefined ? undefined : `${count(cards.data.length)} prices. Each is cached for a day, and replaced everywhere when you change it.`} />
      <Loaded query={cards} lines={12}>
        {(items) => (
          <div className="two-columns wide-left">
            <CardTable cards={items} />
            <div>
              <PincodeForm />
              <TryQuote />
            </div>
          </div>
        )}
      </Loaded>
    </>
  );
}

const unique = <T,>(values: T[]): T[] => [...new Set(values)];

/** One courier at a time: zones in rows, weights in columns. */
function CardTable({ cards }: { cards: readonly RateCard[] }) {
  const couriers = unique(cards.map(({ courier }) => courier)).sort();
  const [chosen, setChosen] = useState(couriers[0] ?? '');
  const own = cards.filter(({ courier }) => courier === chosen);
  const zones = unique(own.map(({ zone }) => zone)).sort();
  const slabs = unique(own.map(({ maxGrams }) => maxGrams)).sort((a, b) => a - b);
  return (
    <Panel className="flush">
      <div className="tabs inside" role="group" aria-label="Courier">
        {couriers.map((courier) => (
          <button key={courier} type="button" aria-pressed={courier === chosen} onClick={() => setChosen(courier)}>
            {courier}
          </button>
        ))}
      </div>
      <div className="scroll">
        <table className="data rates" aria-label={`Prices of ${chosen}`}>
          <thead>
            <tr>
              <th scope="col">Zone</th>
              {slabs.map((slab) => (
                <th key={slab} scope="col" className="number">
                  to {weight(slab)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {zones.map((zone) => (
              <tr key={zone}>
                <th scope="row">{`Zone ${zone}`}</th>
                {slabs.map((slab) => {
                  const card = own.find((one) => one.zone === zone && one.maxGrams === slab);
                  return <td key={slab} className="number">{card === undefined ? '–' : <Price key={card.price} card={card} />}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** A price that becomes a field when it is chosen. */
function Price({ card }: { card: RateCard }) {
  const [value, setValue] = useState<string>();
  const change = useRateCardPrice();
  const notice = useNotice();
  const name = `${card.courier}, zone ${card.zone}, to ${weight(card.maxGrams)}`;
  function save(event: FormEvent): void {
    event.preventDefault();
    const price = Number(value);
    if (!(price > 0)) return;
    change.mutate(
      { id: card.id, price },
      {
        onSuccess: () => {
          setValue(undefined);
          notice(`${name}: now ${exactMoney(price)}`);
        },
        onError: (error) => notice(error.message, 'failed'),
      },
    );
  }
  if (value === undefined) {
    return (
      <button type="button" className="price" aria-label={`Change ${name}, now ${exactMoney(card.price)}`} onClick={() => setValue(String(card.price))}>
        {exactMoney(card.price)}
      </button>
    );
  }
  return (
    <form onSubmit={save} className="price-form">
      <input
        aria-label={`Price of ${name}`}
        autoFocus
        inputMode="decimal"
        value={value}
        disabled={change.isPending}
        onChange={(event) => setValue(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setValue(undefined);
        }}
      />
      <button className="button small primary" disabled={change.isPending}>
        Save
      </button>
    </form>
  );
}

function PincodeForm() {
  const [pincode, setPincode] = useState('');
  const [zone, setZone] = useState<Area>('metro');
  const change = usePincodeZone();
  const notice = useNotice();
  function submit(event: FormEvent): void {
    event.preventDefault();
    change.mutate({ pincode, zone }, { onSuccess: () => notice(`${pincode} is ${zone} now.`), onError: (error) => notice(error.message, 'failed') });
  }
  return (
    <Panel title="Area of a pincode">
      <form onSubmit={submit} className="form compact">
        <Field id="pincode" label="Pincode">
          <input id="pincode" inputMode="numeric" maxLength={6} value={pincode} onChange={(event) => setPincode(event.target.value)} />
        </Field>
        <Field id="zone" label="Area">
          <select id="zone" value={zone} onChange={(event) => setZone(event.target.value as Area)}>
            {AREAS.map((one) => (
              <option key={one} value={one}>
                {words(one)}
              </option>
            ))}
          </select>
        </Field>
        <button className="button" disabled={change.isPending || !/^\d{6}$/.test(pincode)}>
          Change the area
        </button>
      </form>
    </Panel>
  );
}

function TryQuote() {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  return (
    <>
      <Panel title="Try a lane">
        <div className="form compact">
          <Field id="try-from" label="From">
            <input id="try-from" inputMode="numeric" maxLength={6} value={from} onChange={(event) => setFrom(event.target.value)} />
          </Field>
          <Field id="try-to" label="To">
            <input id="try-to" inputMode="numeric" maxLength={6} value={to} onChange={(event) => setTo(event.target.value)} />
          </Field>
        </div>
      </Panel>
      <QuotePanel request={{ from, to, weightGrams: 500, paymentMode: 'prepaid' }} />
    </>
  );
}
