import type { Scenario } from '../../../src/model/scenario';
import type { Reading } from '../../../src/reading/read';
import { sourcedDevice } from '../../../src/serving/hardware';
import { serving } from '../../../webview/views/overview/serving';
import { type OverviewModel, overviewModel } from '../../../webview/views/overview/viewModel';

/** The overview on a device, as the editor tells the page of it. */
export function overviewOn(reading: Reading, scenario: Scenario, gpu: string): OverviewModel {
  return overviewModel(reading, scenario, { gpu, device: sourcedDevice(gpu) }, serving);
}
