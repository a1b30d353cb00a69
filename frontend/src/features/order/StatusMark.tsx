/** The mark above an order's heading, which shows the outcome at a glance. */

import { Icon } from '@/components/Icon';
import type { Tone } from './status';

const ICONS = {
  good: 'check',
  waiting: 'clock',
  bad: 'alert',
  refunded: 'return',
  disputed: 'alert',
} as const satisfies Record<Tone, string>;

export function StatusMark({ tone }: { readonly tone: Tone }) {
  return (
    <span className={`mark mark-${tone}`}>
      <Icon name={ICONS[tone]} />
    </span>
  );
}
