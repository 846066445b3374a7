/** Money that shipping is paid from. */
import { useState, type FormEvent } from 'react';
import { useRecharge } from '../api/mutations';
import { useTransactions, useWallet } from '../api/queries';
import { useSession } from '../session/session';
import { dateTimeOf, exactMoney, money } from '../ui/format';
import { useNotice } from '../ui/notice';
import { Field, PageHead, Pages, Panel, Status } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';

const AMOUNTS = [1_000, 5_000, 20_000] as const;

export function Wallet() {
  const { can } = useSession();
  const [page, setPage] = useState(1);
  const wallet = useWallet();
  const transactions = useTransactions(page);
  return (
    <>
      <PageHead title="Wallet" />
      <div className="wallet-top">
        <Panel className="balance">
          <Loaded query={wallet} lines={2}>
            {({ balance }) => (
              <>
                <h2>Balance</h2>
                <p className="balance-amount">{exactMoney(balance)}</p>
                <p>{balance < 1_000 ? 'Low: new orders may wait for money.' : 'Read from the database, never from a cache.'}</p>
              </>
            )}
          </Loaded>
        </Panel>
        {can('wallet.write') && <Recharge />}
      </div>
      <Panel title="Transactions" className={transactions.isPlaceholderData ? 'flush updating' : 'flush'}>
        <Loaded query={transactions} lines={10}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty icon="wallet" title="No transactions yet" />
            ) : (
              <>
                <table className="data stacking" aria-label="Transactions">
                  <thead>
                    <tr>
                      <th scope="col">When</th>
                      <th scope="col">What</th>
                      <th scope="col">Kind</th>
                      <th scope="col" className="number">
                        Amount
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.items.map((one) => (
                      <tr key={one.id}>
                        <th scope="row">{dateTimeOf(one.at)}</th>
                        <td data-label="What" className="code">
                          {one.reference}
                        </td>
                        <td data-label="Kind">
                          <Status value={one.kind} />
                        </td>
                        <td data-label="Amount" className={one.amount < 0 || one.kind === 'shipping' ? 'number' : 'number credit'}>
                          {one.amount < 0 || one.kind === 'shipping' ? '−' : '+'}
                          {exactMoney(Math.abs(one.amount))}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <Pages page={data.page} limit={data.limit} total={data.total} onPage={setPage} what="transactions" />
              </>
            )
          }
        </Loaded>
      </Panel>
    </>
  );
}

function Recharge() {
  const [amount, setAmount] = useState('');
  const recharge = useRecharge();
  const notice = useNotice();
  const isWrong = amount !== '' && !(Number(amount) >= 100 && Number(amount) <= 1_000_000);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (amount === '' || isWrong) return;
    recharge.mutate(Number(amount), {
      onSuccess: () => {
        notice(`${money(Number(amount))} are in the wallet.`);
        setAmount('');
      },
      onError: (error) => notice(error.message, 'failed'),
    });
  }
  return (
    <Panel title="Recharge">
      <form onSubmit={submit} className="recharge" noValidate>
        <Field id="amount" label="Amount in rupees" hint="From 100 to 10,00,000" error={isWrong ? 'An amount from 100 to 10,00,000.' : undefined}>
          <input id="amount" inputMode="numeric" value={amount} onChange={(event) => setAmount(event.target.value)} aria-describedby="amount-note" />
        </Field>
        <div className="row wrap">
          {AMOUNTS.map((one) => (
            <button key={one} type="button" className="button small" onClick={() => setAmount(String(one))}>
              {money(one)}
            </button>
          ))}
          <button className="button primary" disabled={recharge.isPending || amount === '' || isWrong}>
            Add money
          </button>
        </div>
      </form>
    </Panel>
  );
}
