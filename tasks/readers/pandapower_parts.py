"""What is known of a pandapower net: its tables, their columns, and why some of them may be ignored.

By the network schema of pandapower 3.5, with the columns that older versions and SimBench's converter add.
"""

from __future__ import annotations

from lamplighter.tasks.readers.allow import Part

_TITLE = "a title or a sorting key"
_SHORT = "for short circuits only"
_ZERO = "of the zero sequence: a balanced network has none"
_OPTIMUM = "a bound for an optimal power flow"
_COST = "for an optimal power flow"
_SERVICE = "take them out of service, or net their power into the loads"
_DIRECT = "direct current is not modelled: net its power into the loads"
_CONSTANT = "only constant power is modelled"

_ALL = {"name": _TITLE, "description": _TITLE, "zone": _TITLE, "voltLvl": _TITLE, "subnet": _TITLE,
        "substation": _TITLE, "equipment": _TITLE, "chr_name": _TITLE, "for_name": _TITLE, "pf_name": _TITLE,
        "sernum": _TITLE, "folder_id": _TITLE, "substat": _TITLE, "origin_id": _TITLE, "origin_class": _TITLE,
        "std_type": "its values stand in the row", "geo": "for drawings", "controllable": _OPTIMUM,
        "max_p_mw": _OPTIMUM, "min_p_mw": _OPTIMUM, "max_q_mvar": _OPTIMUM, "min_q_mvar": _OPTIMUM,
        "sn_mva": "a rating that a power flow does not use"}
_PROFILE = {"profile": "pandapower's JSON brings no profiles: power is constant; SimBench's tables have them"}
_POWER = {"type": "its phases carry the same"}

NET = Part("the net", keys=True, reads={
    "bus", "bus_geodata", "line", "switch", "trafo", "ext_grid", "load", "sgen", "motor", "asymmetric_load",
    "asymmetric_sgen", "name", "f_hz", "user_pf_options"}, skips={
    "_*": "pandapower's own", "res_*": "results of an earlier run", "version": "of the tool that wrote it",
    "format_version": "likewise", "converged": "of an earlier run", "OPF_converged": "of an earlier run",
    "sn_mva": "the base of pandapower's per unit; nothing here is in it", "std_types": "rows have their values",
    "line_geodata": "for drawings", "measurement": "for state estimation", "group": "a selection of elements",
    "poly_cost": _COST, "pwl_cost": _COST, "q_capability_*": _COST,
    "characteristic": "of what depends on one: refused there",
    "trafo_characteristic_*": "of transformers that depend on one: refused there",
    "shunt_characteristic_*": "of shunts, which are refused", "substation": _TITLE,
    "loadcases": "for planning", "studycases": "for planning", "StudyCases": "for planning",
}, tells={"profiles": _PROFILE["profile"]}, refuses={
    **dict.fromkeys(("gen", "storage", "trafo3w", "impedance", "shunt", "ward", "xward", "dcline", "svc", "tcsc",
                     "ssc", "vsc", "vsc_stacked", "vsc_bipolar", "b2b_vsc"), _SERVICE),
    **dict.fromkeys(("bus_dc", "line_dc", "load_dc", "source_dc"), _DIRECT),
    "controller": "taps and powers stand as the net has them: take controllers out of service where that is right"})

OPTIONS = Part("the net's user_pf_options", keys=True, reads={"switch_rx_ratio"}, skips=dict.fromkeys((
    "algorithm", "init*", "max_iteration", "tolerance_*", "check_connectivity", "numba", "calculate_voltage_angles",
    "lightsim2grid", "recycle", "delta_q", "only_v_results", "use_umfpack", "permc_spec", "v_debug", "mode", "ac",
    "delta"), "how it is solved, not what"), only={
        "trafo_model": (("t",), "a T circuit is computed"), "trafo_loading": (("current",), "currents are limited"),
        "voltage_depend_loads": ((True, False), _CONSTANT),
        "consider_line_temperature": ((False,), "give resistances at the temperature meant"),
        "tdpf": ((False,), "give resistances at the temperature meant"),
        "neglect_open_switch_branches": ((False,), "a line with one end open is charged"),
        "enforce_q_lims": ((True, False), "there are no generators"),
        "enforce_p_lims": ((True, False), "there are no generators"),
        "distributed_slack": ((False,), "one external grid feeds")})

_LOAD = Part("load", reads={"bus", "p_mw", "q_mvar", "scaling", "in_service"},
             skips=_ALL | _POWER | {"cos_phi": "p_mw and q_mvar count", "cost_*": _TITLE, "dist_*": _TITLE,
                                    "max_e_mwh": _OPTIMUM},
             tells=_PROFILE,
             only=dict.fromkeys(("const_z_percent", "const_i_percent", "const_z_p_percent", "const_i_p_percent",
                                 "const_z_q_percent", "const_i_q_percent"), ((0,), _CONSTANT)))
_SGEN = Part("sgen", reads=_LOAD.reads, skips=_ALL | _POWER | {
    "current_source": _SHORT, "k": _SHORT, "rx": _SHORT, "generator_type": _SHORT, "lrc_pu": _SHORT, "kappa": _SHORT,
    "max_ik_ka": _SHORT, "phys_type": _TITLE, "id_q_capability_*": _OPTIMUM, "curve_style": _OPTIMUM,
    "reactive_capability_curve": _OPTIMUM, "slack_weight": "it is no slack"}, tells=_PROFILE)
_PHASES = frozenset(f"{what}_{phase}_{unit}" for what, unit in (("p", "mw"), ("q", "mvar")) for phase in "abc")

COLUMNS = {
    "bus": Part("bus", reads={"name", "vn_kv", "in_service", "geo"}, skips=_ALL | {
        "type": "a busbar or a node: alike here", "pf_converged": "of an earlier run"}, tells={
        "min_vm_pu": "voltage_min_pu of the task counts", "max_vm_pu": "voltage_max_pu of the task counts"}),
    "bus_geodata": Part("bus_geodata", reads={"x", "y"}, skips={"coords": "for drawings"}),
    "line": Part("line", reads={
        "from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "g_us_per_km", "max_i_ka",
        "parallel", "df", "max_loading_percent", "in_service"}, skips=_ALL | {
        "type": "its ohms say all", "r0_*": _ZERO, "x0_*": _ZERO, "c0_*": _ZERO, "g0_*": _ZERO,
        "endtemp_degree": _SHORT, "alpha": "r_ohm_per_km counts as it is, as in runpp by default",
        "temperature_degree_celsius": "likewise", "line_idx": _TITLE, "section_idx": _TITLE,
        **dict.fromkeys(("wind_*", "conductor_*", "air_*", "reference_*", "solar_*", "emissivity", "r_theta_*",
                         "mc_joule_*"), "for tdpf only"),
    }, only={"tdpf": ((False, 0), "resistances that depend on temperature are not modelled")}),
    "switch": Part("switch", reads={"bus", "element", "et", "closed", "z_ohm", "in_ka"}, skips=_ALL | {
        "type": "open or closed is all that counts"}),
    "trafo": Part("trafo", reads={
        "hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent",
        "parallel", "df", "max_loading_percent", "in_service",
        *(f"{tap}_{what}" for tap in ("tap", "tap2") for what in (
            "side", "neutral", "pos", "min", "max", "step_percent", "step_degree", "changer_type",
            "phase_shifter"))},
        skips=_ALL | {
            "shift_degree": "it turns all angles behind it alike", "vector_group": "likewise", "vk0_*": _ZERO,
            "vkr0_*": _ZERO, "mag0_*": _ZERO, "si0_*": _ZERO, "xn_ohm": _ZERO, "oltc": _SHORT,
            "power_station_unit": _SHORT, "pt_percent": _SHORT, "tap_set_vm_pu": "controllers are refused",
            "autoTap*": "controllers are refused", "id_characteristic_*": "only with tap_dependency_table",
            **dict.fromkeys(("vk_percent_characteristic", "vkr_percent_characteristic"), "likewise")},
        only={"tap_dependency_table": ((False, 0), "give the impedance at its tap position"),
              "tap2_dependency_table": ((False, 0), "give the impedance at its tap position"),
              "tap_dependent_impedance": ((False, 0), "give the impedance at its tap position"),
              "leakage_resistance_ratio_hv": ((0.5,), "a T circuit is halved"),
              "leakage_reactance_ratio_hv": ((0.5,), "a T circuit is halved")}),
    "ext_grid": Part("ext_grid", reads={"bus", "vm_pu", "in_service"}, skips=_ALL | _POWER | {
        "va_degree": "all angles turn with it", "slack_weight": "there is one", "s_sc_*": _SHORT, "rx_*": _SHORT,
        "r0x0_*": _SHORT, "x0x_*": _SHORT, "p_disp_mw": _OPTIMUM, "phys_type": _TITLE, "profile": _TITLE}),
    "load": _LOAD,
    "sgen": _SGEN,
    "motor": Part("motor", reads={"bus", "pn_mech_mw", "loading_percent", "efficiency_percent", "cos_phi", "scaling",
                                  "in_service"},
                  skips=_ALL | {"cos_phi_n": _SHORT, "efficiency_n_percent": _SHORT, "lrc_pu": _SHORT, "rx": _SHORT,
                                "vn_kv": _SHORT}),
    "asymmetric_load": Part("asymmetric_load", reads=_PHASES | {"bus", "scaling", "in_service"}, skips=_ALL | _POWER,
                            tells=_PROFILE),
    "asymmetric_sgen": Part("asymmetric_sgen", reads=_PHASES | {"bus", "scaling", "in_service"}, tells=_PROFILE,
                            skips=_ALL | _POWER | {"current_source": _SHORT}),
}
"""By table: its columns."""
