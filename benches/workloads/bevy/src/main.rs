//! A game of one frame, without window and graphics card: everything is linked and set up, then it ends.

use bevy::app::{PluginGroup, ScheduleRunnerPlugin};
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::settings::WgpuSettings;
use bevy::winit::WinitPlugin;

/// How fast something moves, in units a second.
#[derive(Component)]
struct Speed(Vec3);

fn main() {
    let no_graphics_card = WgpuSettings {
        backends: None,
        ..default()
    };
    let plugins = DefaultPlugins
        .set(RenderPlugin {
            render_creation: no_graphics_card.into(),
            ..default()
        })
        .disable::<WinitPlugin>();
    App::new()
        .add_plugins(plugins)
        .add_plugins(ScheduleRunnerPlugin::run_once())
        .add_systems(Startup, spawn)
        .add_systems(Update, (advance, report).chain())
        .run();
}

fn spawn(mut commands: Commands) {
    for number in 0..10 {
        let speed = Vec3::splat(number as f32);
        commands.spawn((Transform::default(), Speed(speed)));
    }
}

fn advance(time: Res<Time>, mut bodies: Query<(&mut Transform, &Speed)>) {
    for (mut transform, speed) in &mut bodies {
        transform.translation += speed.0 * time.delta_secs();
    }
}

fn report(bodies: Query<&Speed>) {
    println!("{} bodies", bodies.iter().count());
}
