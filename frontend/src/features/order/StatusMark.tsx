/** The mark above an order's heading, which shows the outcome at a glance. */

import { AlertIcon, CheckIcon, ClockIcon, ReturnIcon } from '@/components/icons';
import type { Tone } from './status';

const ICONS = {
  good: CheckIcon,
  waiting: ClockIcon,
  bad: AlertIcon,
  refunded: ReturnIcon,
  disputed: AlertIcon,
} as const satisfies Record<Tone, unknown>;

export function StatusMark({ tone }: { readonly tone: Tone }) {
  const Icon = ICONS[tone];
  return (
    <span className={`mark mark-${tone}`}>
      <Icon />
    </span>
  );
}
