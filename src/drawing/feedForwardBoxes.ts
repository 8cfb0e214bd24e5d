/** The feed-forward: dense, or a mixture of experts. */

import type { DenseFeedForward } from '../attention/spec/blockSpec';
import { formatInteger } from '../model/units';
import type { DescribedFeedForward } from '../serving/anatomy/description';
import { type Box, type Span, WHOLE } from './box';
import { bias, normName, denseText, actName, scoresText, activationName } from './boxWords';
import { BoxMaker } from './boxMaker';

export class FeedForwardBoxes extends BoxMaker {
  feedForwardRows(spec: DescribedFeedForward, hiddenSize: number): Box[][] {
    if (spec.kind !== 'moe') return this.denseRows(spec, hiddenSize, WHOLE);
    const { router, expert, shared } = spec;
    const { parameters, keys } = this.kind;
    const experts = parameters?.parts.experts ?? null;
    const span: Span = shared ? [0, 7] : WHOLE;
    const latent = this.has('latent');
    return [
      [
        this.box(
          'router',
          'step',
          'Router',
          [
            `${formatInteger(hiddenSize)} → ${formatInteger(router.experts)}, ${router.topK} per token`,
            ...bias(router.bias),
            ...(router.byTable ? ['by a fixed table of the vocabulary'] : []),
            ...scoresText(router),
            ...(router.groups ? [`from the best ${router.groups.top} of ${router.groups.count} groups`] : []),
            ...(router.correctionBias ? ['a bias per expert when choosing'] : []),
          ],
          span,
          ['router'],
          this.keysOf([], ['experts', 'perToken', ...(router.groups ? (['routerGroups'] as const) : [])]),
        ),
      ],
      latent
        ? [
            this.box('latent', 'step', 'Latent of experts', ['a projection before them, and one back'], span, [
              'latent',
              'latent_norm',
            ]),
          ]
        : [],
      [
        {
          ...this.note(
            'experts',
            'step',
            `${formatInteger(router.experts)} experts, ${router.topK} active`,
            [
              latent ? `${formatInteger(expert.width)} wide inside, ${actName(expert)}` : denseText(expert, hiddenSize),
              ...bias(expert.biasIn),
            ],
            span,
            [...keys.of('experts'), ...keys.of('perToken'), ...keys.ofWidth(expert.width)],
          ),
          parameters: experts,
          flops: experts === null ? null : 2 * (experts - (parameters?.idle ?? 0)),
          marks: { mark: 'experts', experts: router.experts, perToken: router.topK },
        },
        ...(shared
          ? [
              this.box(
                'shared',
                'step',
                'Shared expert',
                [denseText(shared.expert, hiddenSize), ...(shared.gate ? ['with a sigmoid gate'] : [])],
                [7, 12],
                this.kind.block ? ['shared', 'shared_gate'] : ['shared', 'gate_proj', 'up', 'down'],
                [...keys.of('sharedExperts'), ...keys.ofWidth(shared.expert.width)],
              ),
            ]
          : []),
      ],
    ];
  }

  private denseRows(spec: DenseFeedForward, hiddenSize: number, [from, to]: Span): Box[][] {
    const middle = (from + to) / 2;
    const text = `${formatInteger(hiddenSize)} → ${formatInteger(spec.width)}`;
    const keys = this.kind.keys.ofWidth(spec.width);
    const inside =
      spec.kind === 'gated'
        ? [
            this.box('gate_proj', 'step', 'Gate', [text, ...bias(spec.biasIn)], [from, middle], ['gate_proj'], keys),
            this.box('up', 'step', 'Up', [text, ...bias(spec.biasIn)], [middle, to], ['up'], keys),
          ]
        : [this.box('up', 'step', 'Up', [text, ...bias(spec.biasIn)], [from, to], ['up'], keys)];
    const act =
      spec.kind === 'gated' && spec.clampedSwiglu
        ? `clamped SwiGLU, limit ${spec.clampedSwiglu.limit}`
        : activationName(spec.activation);
    const learned = typeof spec.activation === 'object' ? 2 : 0;
    return [
      inside,
      [
        {
          ...this.note(
            'act',
            'norm',
            spec.kind === 'gated' ? `${act} of gate, × up` : act,
            [],
            [from, to],
            this.keysOf([], ['activation']),
          ),
          parameters: learned,
          flops: 2 * learned,
        },
      ],
      spec.kind === 'gated' && spec.innerNorm
        ? [
            this.box(
              'inner_norm',
              'norm',
              normName(spec.innerNorm),
              [],
              [from, to],
              ['inner_norm'],
              this.keysOf([], ['norm']),
            ),
          ]
        : [],
      [
        this.box(
          'down',
          'step',
          'Down',
          [`${formatInteger(spec.width)} → ${formatInteger(hiddenSize)}`, ...bias(spec.biasOut)],
          [from, to],
          ['down'],
          keys,
        ),
      ],
    ];
  }
}
