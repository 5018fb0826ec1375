"""endless: Everyone waits and nothing is due:
  Task-2941 in play.<locals>.live (play.py:57)
  boot of mail.belgiannews.com in OneProcessFabric._run_boot (one_process.py:99).

Cut down from 74 acts to 2 by  lab futures belgium --seed 86
"""

from lab.scenario import Net, scenario


@scenario("topologies/belgium.yaml", seed=86, fabrics=("sim",))
async def future_86(net: Net) -> None:
    net.power_cut("mail.belgiannews.com")
    net.fail("mail.belgiannews.com", "paused")
    await net.accounted_for(after="11d")
