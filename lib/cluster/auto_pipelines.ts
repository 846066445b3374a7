/** `enableAutoPipelining` of a cluster: one automatic pipeline per shard, so that a slow node holds back only its own commands. */
import { AutoPipeline, isHeld, type Held, type Sender } from '../command/auto_pipeline';
import type { Command } from '../command/command';
import { followHeld } from '../command/followed';
import type { TargetOptions } from '../command/target_options';

export class AutoPipelines implements Held {
  options: TargetOptions = {};
  private readonly groups = new Map<number, AutoPipeline>();

  constructor(
    private readonly client: Sender,
    /** Commands of one group share a pipeline. Undefined: not known before the cluster has a map. */
    private readonly groupOf: (command: Command) => number | undefined,
    /** Calls back when the first map has arrived, or with why there is none. */
    private readonly whenMapped: (callback: (error?: Error | null) => void) => void,
  ) {}

  get length(): number {
    let length = 0;
    for (const group of this.groups.values()) length += group.length;
    return length;
  }

  takes(name: string): boolean {
    return isHeld(name, this.options);
  }

  add(command: Command): Promise<unknown> {
    const group = this.groupOf(command);
    if (group !== undefined) return this.pipeline(group).add(command);
    const { promise } = command;
    followHeld(command);
    this.whenMapped((error) => {
      if (error) command.reject(error);
      else void this.pipeline(this.groupOf(command) ?? -1).add(command);
    });
    return promise;
  }

  private pipeline(group: number): AutoPipeline {
    let pipeline = this.groups.get(group);
    if (pipeline === undefined) this.groups.set(group, (pipeline = new AutoPipeline(this.client)));
    return pipeline;
  }
}
