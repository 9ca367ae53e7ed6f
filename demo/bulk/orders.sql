-- Numbers between 0 and 1 out of the order's number and a salt; version 7 keys of a moment.
CREATE OR REPLACE FUNCTION pg_temp.demo_chance(i bigint, salt bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(i, salt) & 2147483647) / 2147483648.0;

CREATE OR REPLACE FUNCTION pg_temp.demo_key(kind int, i bigint, moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(hashint8extended(i, kind) & 4095), 3, '0')
  || '8' || lpad(to_hex(hashint8extended(i, kind + 100) & 1152921504606846975), 15, '0'))::uuid;

-- Different for different numbers below 2^32: the multiplier is odd.
CREATE OR REPLACE FUNCTION pg_temp.demo_reference(i bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN overlay(translate(lpad(to_hex((i * 2654435761 + 12345) & 4294967295), 8, '0'), '0123456789abcdef', '23456789ABCDEFGH')
  PLACING '-' FROM 5 FOR 0);

-- What can be bought: one stock row for each variant, in every currency.
CREATE TEMP TABLE demo_item ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY v.id) - 1 AS n, v.id AS variant_id, p.id AS product_id, s.id AS stock_item_id, s.warehouse_id,
  s.on_hand, s.created_at AS stocked_at, v.sku, p.name, p.unit, p.step_mm, p.hs_code, p.tax_class, v.min_quantity, p.weight_grams,
  array_to_string(ARRAY(SELECT value FROM jsonb_each_text(v.options)), ', ') AS options,
  i.public_id AS picture, r.prices
FROM variant v JOIN product p ON p.id = v.product_id AND p.is_available AND v.is_available
JOIN (SELECT DISTINCT ON (variant_id) * FROM stock_item ORDER BY variant_id, id) s ON s.variant_id = v.id
JOIN (SELECT variant_id, jsonb_object_agg(currency, price_minor) AS prices FROM variant_price GROUP BY 1) r ON r.variant_id = v.id
LEFT JOIN product_image i ON i.product_id = p.id AND i.is_main;

CREATE UNIQUE INDEX ON demo_item (n);

ANALYZE demo_item;

CREATE TEMP TABLE demo_order ON COMMIT DROP AS
SELECT i, pg_temp.demo_key(1, i, moment) AS id, pg_temp.demo_key(2, i, moment) AS payment_id,
  pg_temp.demo_key(3, i, moment) AS attempt_id, pg_temp.demo_key(4, i, moment) AS capture_id,
  pg_temp.demo_reference(i) AS reference, moment, moment + interval '3 minutes' AS paid_at, fate, person,
  1 + (pg_temp.demo_chance(i, 5) * 2.6)::int AS line_count
FROM (
  SELECT i, floor(pg_temp.demo_chance(i, 1) * :customers)::bigint AS person,
    date_trunc('day', now()) - interval '1 hour' - (:first + :count - i) * (interval '700 days' / (:first + :count))
      - interval '1 hour' * pg_temp.demo_chance(i, 2) AS moment,
    CASE WHEN pg_temp.demo_chance(i, 3) < 0.92 THEN 'paid' WHEN pg_temp.demo_chance(i, 3) < 0.97 THEN 'expired' ELSE 'late' END AS fate
  FROM generate_series(CAST(:first AS bigint), CAST(:first AS bigint) + CAST(:count AS bigint) - 1) i) drawn;

-- Lines, popular things more often. Neighbouring items: an order never has one twice.
CREATE TEMP TABLE demo_line ON COMMIT DROP AS
SELECT o.i, o.id AS order_id, o.fate, o.moment, o.paid_at, position, pg_temp.demo_key(5, o.i * 8 + position, o.moment) AS id,
  pg_temp.demo_key(6, o.i * 8 + position, o.moment) AS lock_id, m.*, p.currency, p.locale, quantity, price,
  price * quantity AS subtotal, coalesce(t.basis_points, 0) AS basis_points, coalesce(t.name, '') AS tax_name,
  CASE WHEN t.is_included IS FALSE THEN (price * quantity * t.basis_points + 5000) / 10000 ELSE 0 END AS tax_added,
  CASE WHEN t.is_included THEN (price * quantity * t.basis_points * 2 + 10000 + t.basis_points) / ((10000 + t.basis_points) * 2)
    ELSE 0 END AS tax_included
FROM demo_order o JOIN demo_person p ON p.n = o.person
CROSS JOIN LATERAL generate_series(1, o.line_count) position
CROSS JOIN (SELECT count(*) AS many FROM demo_item) total
JOIN demo_item m ON m.n = (floor(power(pg_temp.demo_chance(o.i, 7), 2) * total.many)::bigint + position) % total.many
CROSS JOIN LATERAL (SELECT m.min_quantity + (pg_temp.demo_chance(o.i * 8 + position, 11) * CASE m.unit WHEN 'metre' THEN 6 ELSE 1.4 END)::int AS quantity,
  (m.prices->>p.currency)::bigint AS price) q
LEFT JOIN tax_rate t ON t.country = p.country AND t.state = '' AND t.tax_class = m.tax_class
WHERE position <= total.many;

ANALYZE demo_line;

-- Delivery at the flat rate of the market's standard method.
CREATE TEMP TABLE demo_sum ON COMMIT DROP AS
SELECT s.*, shipping + 0 AS shipping_minor, shipping_tax AS shipping_tax_minor, subtotal + shipping + tax_added + shipping_tax AS total
FROM (
  SELECT i, sum(subtotal)::bigint AS subtotal, sum(tax_added)::bigint AS tax_added, sum(tax_included)::bigint AS tax_included,
    sum(weight_grams * quantity)::bigint AS grams, max(tax_name) AS tax_name, max(currency) AS currency,
    CASE max(currency) WHEN 'MYR' THEN 800 WHEN 'INR' THEN 71000 ELSE 590 END::bigint AS shipping
  FROM demo_line GROUP BY i) s
JOIN demo_order o USING (i) JOIN demo_person p ON p.n = o.person
LEFT JOIN tax_rate t ON t.country = p.country AND t.state = '' AND t.tax_class = 'standard' AND t.on_shipping AND NOT t.is_included
CROSS JOIN LATERAL (SELECT (s.shipping * coalesce(t.basis_points, 0) + 5000) / 10000 AS shipping_tax) x;

CREATE TEMP TABLE demo_number ON COMMIT DROP AS
SELECT i, row_number() OVER (ORDER BY i) AS n FROM demo_order WHERE fate = 'paid';

INSERT INTO number_series (series, last) VALUES ('order', 10000) ON CONFLICT (series) DO NOTHING;

INSERT INTO orders (id, number, reference, token, place_key, fingerprint, state, cancel_reason, currency, subtotal_minor,
  shipping_minor, shipping_tax_minor, tax_added_minor, tax_included_minor, total_minor, snapshot, locale, visitor, email, email_index,
  phone, phone_index, address, country, shipping_method, payment_method, expires_at, created_at, confirmed_at, closed_at)
SELECT o.id, series.prefix || (series.last + n.n), o.reference,
  rtrim(translate(encode(decode(md5('token' || o.i), 'hex'), 'base64'), '+/', '-_'), '='), md5('place' || o.i)::uuid, md5('mark' || o.i),
  CASE o.fate WHEN 'paid' THEN 'confirmed' WHEN 'expired' THEN 'expired' ELSE 'cancelled' END, CASE o.fate WHEN 'late' THEN 'late' END,
  s.currency, s.subtotal, s.shipping_minor, s.shipping_tax_minor, s.tax_added + s.shipping_tax_minor, s.tax_included, s.total,
  jsonb_build_object('currency', s.currency, 'grams', s.grams, 'shipping_name', 'Standard delivery', 'delivery_days', '[2, 4]'::jsonb,
    'taxes', CASE WHEN s.tax_name = '' THEN '{}'::jsonb
      ELSE jsonb_build_object(s.tax_name, s.tax_added + s.tax_included + s.shipping_tax_minor) END),
  p.locale, 'demo-' || p.n, p.email, p.email_index, p.phone, p.phone_index, p.address, p.country, 'standard', 'card',
  o.moment + interval '2 hours', o.moment, CASE o.fate WHEN 'paid' THEN o.paid_at END,
  CASE o.fate WHEN 'paid' THEN NULL ELSE o.moment + interval '3 hours' END
FROM demo_order o JOIN demo_sum s USING (i) JOIN demo_person p ON p.n = o.person LEFT JOIN demo_number n USING (i),
  (SELECT prefix, last FROM number_series WHERE series = 'order') series
ORDER BY o.i;

UPDATE number_series SET last = last + (SELECT count(*) FROM demo_number) WHERE series = 'order';

INSERT INTO order_line (id, order_id, position, variant_id, product_id, sku, name, options, picture, unit, step_mm, quantity,
  unit_price_minor, subtotal_minor, tax_basis_points, tax_added_minor, tax_included_minor, total_minor, hs_code)
SELECT id, order_id, position, variant_id, product_id, sku, coalesce(name->>locale, name->>'en'), options, picture, unit, step_mm, quantity,
  price, subtotal, basis_points, tax_added, tax_included, subtotal + tax_added, hs_code
FROM demo_line ORDER BY i, position;

INSERT INTO payment (id, order_id, amount_minor, received_minor, currency, state, created_at, paid_at)
SELECT o.payment_id, o.id, s.total, CASE o.fate WHEN 'paid' THEN s.total ELSE 0 END, s.currency, CASE o.fate WHEN 'paid' THEN 'paid' WHEN 'expired' THEN 'open' ELSE 'refunded' END,
  o.moment, CASE o.fate WHEN 'paid' THEN o.paid_at END
FROM demo_order o JOIN demo_sum s USING (i) ORDER BY o.i;

INSERT INTO payment_attempt (id, payment_id, position, provider, method, receipt, return_token, state, amount_minor, currency,
  provider_order_id, asked, ask_at, created_at, ended_at)
SELECT o.attempt_id, o.payment_id, 1, 'razorpay', 'card', o.reference || '-1',
  rtrim(translate(encode(decode(md5('return' || o.i), 'hex'), 'base64'), '+/', '-_'), '='),
  CASE o.fate WHEN 'expired' THEN 'closed' ELSE 'captured' END, s.total, s.currency, 'order_demo' || o.i, 1, o.paid_at, o.moment, o.paid_at
FROM demo_order o JOIN demo_sum s USING (i) ORDER BY o.i;

INSERT INTO payment_capture (id, payment_id, attempt_id, provider, provider_payment_id, amount_minor, currency, method, state,
  is_applied, refunded_minor, created_at, captured_at)
SELECT o.capture_id, o.payment_id, o.attempt_id, 'razorpay', 'pay_demo' || o.i, s.total, s.currency, 'card',
  CASE o.fate WHEN 'paid' THEN 'captured' ELSE 'refunded' END, o.fate = 'paid', CASE o.fate WHEN 'paid' THEN 0 ELSE s.total END,
  o.paid_at, o.paid_at
FROM demo_order o JOIN demo_sum s USING (i) WHERE o.fate <> 'expired' ORDER BY o.i;

INSERT INTO refund (id, payment_id, capture_id, amount_minor, currency, reason, is_automatic, state, provider_refund_id, asked,
  ask_at, created_at, updated_at)
SELECT pg_temp.demo_key(7, o.i, o.paid_at), o.payment_id, o.capture_id, s.total, s.currency, 'late', true, 'succeeded',
  'rfnd_demo' || o.i, 1, o.paid_at, o.paid_at, o.paid_at
FROM demo_order o JOIN demo_sum s USING (i) WHERE o.fate = 'late' ORDER BY o.i;

-- The books: what was taken, what of it was sold, and what went back.
CREATE TEMP TABLE demo_entry ON COMMIT DROP AS
SELECT pg_temp.demo_key(20 + kind_no, o.i, o.paid_at) AS id, kind, source_table, source_id::text AS source_id, o.id AS order_id, o.paid_at, o.i
FROM demo_order o CROSS JOIN LATERAL (VALUES (0, 'capture', 'payment_capture', o.capture_id, o.fate <> 'expired'),
  (1, 'sale', 'orders', o.id, o.fate = 'paid'), (2, 'refund', 'refund', pg_temp.demo_key(7, o.i, o.paid_at), o.fate = 'late'))
  e(kind_no, kind, source_table, source_id, is_due)
WHERE is_due;

INSERT INTO ledger_entry (id, kind, source_table, source_id, order_id, occurred_at, created_at)
SELECT id, kind, source_table, source_id, order_id, paid_at, paid_at FROM demo_entry ORDER BY i, kind;

INSERT INTO ledger_line (entry_id, account, currency, amount_minor)
SELECT e.id, l.account, s.currency, l.minor
FROM demo_entry e JOIN demo_sum s USING (i) CROSS JOIN LATERAL (VALUES
  ('capture', 'provider_clearing:razorpay', s.total), ('capture', 'suspense', -s.total),
  ('sale', 'suspense', s.total), ('sale', 'shipping_income', -s.shipping_minor),
  ('sale', 'tax_payable', -(s.tax_added + s.shipping_tax_minor + s.tax_included)),
  ('sale', 'sales', -(s.total - s.shipping_minor - s.tax_added - s.shipping_tax_minor - s.tax_included)),
  ('refund', 'suspense', s.total), ('refund', 'provider_clearing:razorpay', -s.total)) l(kind, account, minor)
WHERE l.kind = e.kind AND l.minor <> 0 ORDER BY e.i, e.kind;

INSERT INTO order_event (id, order_id, kind, facts, actor, created_at)
SELECT pg_temp.demo_key(8 + (kind = 'placed')::int, o.i, at), o.id, kind,
  CASE kind WHEN 'expired' THEN '{}'::jsonb ELSE jsonb_build_object('total_minor', s.total, 'currency', s.currency) END,
  CASE kind WHEN 'placed' THEN 'customer' ELSE 'system' END, at
FROM demo_order o JOIN demo_sum s USING (i)
CROSS JOIN LATERAL (VALUES ('placed', o.moment), (CASE o.fate WHEN 'paid' THEN 'paid' ELSE 'expired' END, o.paid_at)) e(kind, at)
ORDER BY o.i, at;

INSERT INTO stock_lock (id, order_id, stock_item_id, variant_id, warehouse_id, quantity, state, expires_at, created_at, ended_at)
SELECT lock_id, order_id, stock_item_id, variant_id, warehouse_id, quantity, CASE fate WHEN 'paid' THEN 'consumed' ELSE 'released' END,
  moment + interval '15 minutes', moment, paid_at
FROM demo_line ORDER BY i, position;

-- The ledger: an opening delivery of all that will be sold, then held and sold (or released) one order after the other.
CREATE TEMP TABLE demo_sold ON COMMIT DROP AS
SELECT stock_item_id, sum(quantity)::bigint AS sold, min(moment) AS since FROM demo_line WHERE fate = 'paid' GROUP BY 1;

INSERT INTO stock_movement (id, stock_item_id, kind, on_hand_delta, on_hand_after, locked_after, reason, created_at)
SELECT pg_temp.demo_key(10, hashtextextended(stock_item_id::text, :first), since - interval '1 day'), stock_item_id, 'receive', sold, sold, 0, 'demo',
  since - interval '1 day'
FROM demo_sold;

INSERT INTO stock_movement (id, stock_item_id, order_id, lock_id, kind, on_hand_delta, locked_delta, on_hand_after, locked_after, created_at)
SELECT pg_temp.demo_key(11 + (kind = 'lock')::int, l.i * 8 + l.position, at), l.stock_item_id, l.order_id, l.lock_id, kind, m.delta, m.locked,
  l.opening - l.before + m.delta, CASE kind WHEN 'lock' THEN l.quantity ELSE 0 END, at
FROM (
  SELECT l.*, coalesce(d.sold, 0) AS opening,
    coalesce(sum(l.quantity) FILTER (WHERE l.fate = 'paid') OVER (PARTITION BY l.stock_item_id ORDER BY l.i
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS before
  FROM demo_line l LEFT JOIN demo_sold d USING (stock_item_id)) l
CROSS JOIN LATERAL (VALUES
  ('lock', l.moment, 0::bigint, l.quantity::bigint),
  (CASE l.fate WHEN 'paid' THEN 'sell' ELSE 'release' END, l.paid_at, CASE l.fate WHEN 'paid' THEN -l.quantity ELSE 0 END, -l.quantity::bigint)
) m(kind, at, delta, locked)
ORDER BY l.i, l.position, at;
